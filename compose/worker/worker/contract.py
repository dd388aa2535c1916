"""The Socket.IO payloads that STS and the worker exchange: built, and read with suspicion. Pure."""

import base64
import binascii
import math
from dataclasses import dataclass
from typing import Any

from .segmenter import Fragment
from .settings import Settings


class DubbedAudioError(Exception):
    """A `dubbed_audio` that cannot be played."""


@dataclass(frozen=True)
class DubbedAudio:
    pcm: bytes  # 16-bit little-endian, interleaved
    sample_rate: int
    channels: int


def stream_init(settings: Settings, stream: str) -> dict[str, Any]:
    return {
        "stream_id": stream,
        "worker_id": settings.worker_id,
        "config": {
            "source_language": settings.source_language,
            "target_language": settings.target_language,
            "voice_profile": settings.voice_profile,
            "chunk_duration_ms": round(settings.segment_seconds * 1000),
            "sample_rate_hz": settings.fragment_sample_rate,
            "channels": 1,
            "format": "pcm_s16le",
        },
        "max_inflight": settings.max_inflight,
        "timeout_ms": round(settings.fragment_timeout_s * 1000),
    }


def fragment_data(stream: str, fragment_id: str, fragment: Fragment, pcm: bytes, rate: int, unix_ms: int) -> dict[str, Any]:
    """`pcm`: the fragment as STS gets it, mono 16 bit at `rate` Hz."""
    return {
        "fragment_id": fragment_id,
        "stream_id": stream,
        "sequence_number": fragment.sequence,
        "timestamp": unix_ms,
        "audio": {
            "format": "pcm_s16le",
            "sample_rate_hz": rate,
            "channels": 1,
            "duration_ms": round(len(pcm) / 2 / rate * 1000),
            "data_base64": base64.b64encode(pcm).decode("ascii"),
        },
        "metadata": {"pts_ns": round(fragment.start_s * 1e9), "is_last": fragment.is_last},
    }


def fragment_ack(fragment_id: str, status: str, unix_ms: int) -> dict[str, Any]:
    return {"fragment_id": fragment_id, "status": status, "timestamp": unix_ms}


def dubbed_audio(value: Any, default_rate: int) -> DubbedAudio:
    """Reads `dubbed_audio`: an object with base64 or an attachment, a bare base64 string, or a bare attachment.

    A bare one has no format of its own and counts as what the worker sent: mono at `default_rate`.
    """
    rate: Any = default_rate
    channels: Any = 1
    if isinstance(value, dict):
        if (form := value.get("format", "pcm_s16le")) != "pcm_s16le":
            raise DubbedAudioError(f"format {form!r} is not pcm_s16le")
        rate, channels = value.get("sample_rate_hz", rate), value.get("channels", channels)
        value = next((value[k] for k in ("data_base64", "data", "audio") if value.get(k) is not None), None)
    if isinstance(value, str):
        try:
            value = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise DubbedAudioError(f"base64 cannot be decoded: {error}") from None
    if not isinstance(value, (bytes, bytearray)):
        raise DubbedAudioError(f"no audio data ({type(value).__name__})")
    if not _is_whole(rate, 4000, 192_000) or not _is_whole(channels, 1, 2):
        raise DubbedAudioError(f"sample rate {rate!r} with {channels!r} channels cannot be used")
    if not value or len(value) % (2 * int(channels)):
        raise DubbedAudioError(f"{len(value)} bytes are no whole number of samples, or none")
    return DubbedAudio(bytes(value), int(rate), int(channels))


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high and value == int(value)


def millisecond_value(value: Any) -> float | None:
    """A number of milliseconds out of a payload, or None if it is no such thing."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return float(value)
    return None


def fragment_id(stream: str, run: str, sequence: int) -> str:
    """`run` tells publications of the same stream name apart."""
    return f"{stream}-{run}-{sequence}"


def sequence_of(identifier: str) -> int | None:
    """The sequence number inside a fragment_id that `fragment_id` made."""
    tail = identifier.rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else None
