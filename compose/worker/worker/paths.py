"""Reads the media server's list of paths. Pure."""

import re
from dataclasses import dataclass
from typing import Any

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
