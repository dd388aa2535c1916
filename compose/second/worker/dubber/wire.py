"""What worker and speech service say to each other: built, and read with suspicion. Pure."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from .cutter import FRAME, Fragment
from .settings import Settings

NAMESPACE = "/speech"


def session_open(settings: Settings, session: str, rate: int, channels: int) -> dict[str, Any]:
    return {
        "session": session,
        "client": "dubber",
        "from": settings.source_language,
        "to": settings.target_language,
        "voice": "any",
        "cut": {
            "container": "m4a",
            "rate": rate,
            "channels": channels,
            "frames": settings.frames,
            "length_ms": round(settings.frames * FRAME * 1000 / rate),
        },
        "window": settings.window,
        "patience_ms": round(settings.patience_s * 1000),
    }


def segment(session: str, identifier: str, index: int, at_ms: int, fragment: Fragment) -> dict[str, Any]:
    """`index` is an int and so is `at`: this service refuses 3.0."""
    return {
        "id": identifier,
        "session": session,
        "index": index,
        "at": at_ms,
        "media": {
            "container": "m4a",
            "rate": fragment.rate,
            "channels": fragment.channels,
            "length_ms": round(fragment.length_s * 1000),
            "bytes": fragment.adts,
        },
        "pts_ms": round(fragment.start_s * 1000),
    }


@dataclass(frozen=True)
class Answer:
    identifier: str
    state: str  # done, partial, failed
    sound: bytes
    fault: str


def answer(payload: Any) -> Answer | None:
    """A `segment.dubbed`; None when nothing can be made of it."""
    if not isinstance(payload, dict) or not isinstance(identifier := payload.get("id"), str):
        return None
    fault = payload.get("fault")
    text = f"{fault.get('code')}: {fault.get('text')}" if isinstance(fault, dict) else ""
    state = payload.get("state")
    if state == "failed":
        return Answer(identifier, "failed", b"", text or "no reason given")
    media = payload.get("media")
    data = media.get("bytes") if isinstance(media, dict) else None
    if isinstance(data, str):
        try:
            data = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            return Answer(identifier, "failed", b"", "the answer's base64 cannot be decoded")
    if state not in ("done", "partial") or not isinstance(data, (bytes, bytearray)) or not data:
        return Answer(identifier, "failed", b"", f"state {state!r} without sound")
    return Answer(identifier, state, bytes(data), text)


def recommended_delay_s(payload: Any) -> float:
    """Of a `slow.down`, at most half a minute; 0 when there is none."""
    value = payload.get("recommended_delay_ms") if isinstance(payload, dict) else None
    return min(30.0, value / 1000) if isinstance(value, (int, float)) and value > 0 else 0.0
