"""Who reads a path, and whether they have been sent all of it, as the media server's control API tells."""

import asyncio
import json
import time
import urllib.parse

import aiohttp

_INTERVAL_S = 0.1
#: Nothing was sent for this long: the queues are empty, or stuck.
_QUIET_S = 0.4
_DEADLINE_S = 8.0


class PathReaders:
    """The readers of one path; `url` is that under which it is published."""

    def __init__(self, api_url: str, url: str):
        path = urllib.parse.urlsplit(url).path.strip("/")
        self._url = f"{api_url}/v3/paths/get/{urllib.parse.quote(path)}"

    async def drain(self) -> None:
        """Returns when the server has sent its readers what it has, or cannot tell; never throws.

        MediaMTX closes readers together with what waits in their queues when the publisher leaves: after a burst, seconds.
        """
        deadline = time.monotonic() + _DEADLINE_S
        sent, since = -1, time.monotonic()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while (now := time.monotonic()) < deadline:
                latest = await self._bytes_sent(http)
                if latest is None:
                    return
                if latest != sent:
                    sent, since = latest, now
                elif now - since >= _QUIET_S:
                    return
                await asyncio.sleep(_INTERVAL_S)

    async def _bytes_sent(self, http: aiohttp.ClientSession) -> int | None:
        """None: nobody reads, or the server cannot be asked."""
        try:
            async with http.get(self._url) as response:
                answer = json.loads(await response.read()) if response.status == 200 else {}
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError):
            return None
        count = answer.get("bytesSent") if isinstance(answer, dict) and answer.get("readers") else None
        return count if isinstance(count, int) else None
