"""Which streams there are: asked of the media server's control API. Pure but for the question."""

import asyncio
import json
import logging
import re
from typing import Any, Callable

import aiohttp

_log = logging.getLogger("dubber.streams")
_INTERVAL_S = 0.2


def live_inputs(answer: Any, prefix: str) -> dict[str, str]:
    """Names of the streams that are published to `<prefix>/<name>/in`, each with its path."""
    found = {}
    for item in (answer.get("items") or []) if isinstance(answer, dict) else []:
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not (item.get("ready") or item.get("available")):
            continue
        if (match := re.fullmatch(re.escape(prefix) + r"/([^/]+)/in", name)) is not None:
            found[match[1]] = name
    return found


class Streams:
    """Tells of all inputs at each answer, and says nothing while the server does not answer."""

    def __init__(self, control_url: str, prefix: str, on_inputs: Callable[[dict[str, str]], None]):
        self._url, self._prefix, self._on_inputs = control_url + "/v3/paths/list", prefix, on_inputs
        self.is_reached = False

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            while True:
                try:
                    async with http.get(self._url, params={"itemsPerPage": "1000"}) as response:
                        response.raise_for_status()
                        inputs = live_inputs(json.loads(await response.read()), self._prefix)
                    self.is_reached = True
                    self._on_inputs(inputs)
                except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
                    if self.is_reached:
                        _log.warning("%s does not answer: %s", self._url, error or type(error).__name__)
                    self.is_reached = False
                await asyncio.sleep(_INTERVAL_S)
