"""Finds the streams that are published, through the media server's control API."""

import asyncio
import json
import logging
import urllib.parse
from typing import Callable

import aiohttp

from .paths import Publication, publications

#: A late answer is an answer still: on a machine without a free core even loopback takes seconds.
_TIMEOUT = aiohttp.ClientTimeout(total=10)
_log = logging.getLogger("discovery")


class Discovery:
    """Polls; `on_answer` gets all publications of each answer, and nothing while the server cannot be reached."""

    def __init__(self, api_url: str, interval_s: float, on_answer: Callable[[list[Publication]], None]):
        self._url = api_url + "/v3/paths/list"
        self._interval_s, self._on_answer = interval_s, on_answer
        self.connected = False

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as http:
            while True:
                await self._poll(http)
                await asyncio.sleep(self._interval_s)

    async def _poll(self, http: aiohttp.ClientSession) -> None:
        try:
            found = []
            page, pages = 0, 1
            while page < pages:
                async with http.get(self._url, params={"page": page, "itemsPerPage": 500}) as response:
                    response.raise_for_status()
                    answer = json.loads(await response.read())
                found += publications(answer)
                pages = min(100, int(answer.get("pageCount") or 1))
                page += 1
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError, AttributeError) as error:
            if self.connected:
                _log.warning("the media server's API cannot be read: %s: %s", self._url, error or type(error).__name__)
            self.connected = False
            return
        if not self.connected:
            _log.info("the media server answers at %s", urllib.parse.urlsplit(self._url).netloc)
        self.connected = True
        self._on_answer(found)


class StsProbe:
    """Whether STS can be reached, asked lightly while no stream talks to it."""

    def __init__(self, url: str, is_talking: Callable[[], bool], interval_s: float = 1.0):
        self._url, self._is_talking, self._interval_s = url + "/health", is_talking, interval_s
        self.reachable = False

    async def run(self) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as http:
            while True:
                if not self._is_talking():
                    await self._ask(http)
                await asyncio.sleep(self._interval_s)

    async def _ask(self, http: aiohttp.ClientSession) -> None:
        before = self.reachable
        try:
            async with http.get(self._url) as response:
                self.reachable = response.status < 500  # a server without /health is a server
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
            self.reachable = False
        if before != self.reachable:
            _log.info("STS %s", "can be reached" if self.reachable else "cannot be reached")
