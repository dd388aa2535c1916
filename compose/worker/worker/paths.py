"""Reads the media server's list of paths. Pure."""

import re
from dataclasses import dataclass
from typing import Any

#: Tracks by the names that MediaMTX's control API has for their codecs; what is in neither list (KLV, MPEG-TS) is no reason to refuse.
_VIDEO = {"AV1", "VP9", "VP8", "H265", "H264", "MPEG-4 Video", "MPEG-1/2 Video", "M-JPEG"}
_AUDIO = {"Opus", "Vorbis", "MPEG-4 Audio", "MPEG-4 Audio LATM", "MPEG-1/2 Audio", "AC-3", "Speex", "G726", "G722", "G711", "LPCM"}

_INPUT = re.compile(r"live/(?P<stream>[^\s?#]+)/in")


@dataclass(frozen=True)
class Publication:
    """One publisher of one input path; a publisher that comes back is another publication."""

    stream: str
    identity: str


def publications(paths: Any) -> list[Publication]:
    """The ready inputs in the answer of /v3/paths/list. Newer MediaMTX says `available` and `online` for `ready`."""
    found = []
    for item in paths.get("items") or [] if isinstance(paths, dict) else []:
        match = _INPUT.fullmatch(str(item.get("name", "")))
        if match and (item.get("ready") or item.get("available") or item.get("online")):
            source = item.get("source") or {}
            since = item.get("readyTime") or item.get("availableTime") or item.get("onlineTime")
            found.append(Publication(match["stream"], f"{source.get('type')} {source.get('id')} {since}"))
    return found


def kept_back(path: Any, has_video: bool, has_audio: bool) -> tuple[list[str], list[str]]:
    """Video and audio codecs of a path (the answer of /v3/paths/get) of which an RTMP reader was given nothing.

    A media server hands out over RTMP what RTMP always had (H.264, AAC, 8 kHz G.711), and codecs with a four-character
    code only to readers that name them; the rest it leaves out without a word.
    """
    tracks = path.get("tracks") if isinstance(path, dict) else None
    names = [str(track) for track in tracks] if isinstance(tracks, list) else []
    video = [] if has_video else [name for name in names if name in _VIDEO]
    audio = [] if has_audio else [name for name in names if name in _AUDIO]
    return video, audio
