"""All streams of this worker, and its HTTP side."""

import asyncio
import logging
import time
from collections import deque
from typing import Any

from aiohttp import web

from .discovery import Discovery, StsProbe
from .metrics import Metrics
from .paths import Publication
from .session import Session
from .settings import Settings

#: A session that lost its input while the publication goes on is started again this long after, so often.
_REJOIN_AFTER_S = 1.5
_MOST_ATTEMPTS = 3
#: Not "output": that goes on by itself after a lost connection, with the fragments that it has.
_REJOINABLE = (None, "input", "timestamps", "internal")
_log = logging.getLogger("worker")


class Worker:
    def __init__(self, settings: Settings):
        self._settings = settings
        self._sessions: dict[Publication, Session] = {}
        self._tasks: dict[Publication, asyncio.Task] = {}
        self._ended: dict[Publication, tuple[float, int]] = {}  # when, and how many sessions it has had
        self._attempts: dict[Publication, int] = {}
        self._last: dict[str, Session] = {}
        self._finished: deque[Session] = deque(maxlen=32)
        self.metrics = Metrics(
            inflight=lambda: sum(s.inflight for s in self._sessions.values()), active=lambda: len(self._sessions)
        )
        interval_s = settings.discovery_interval_ms / 1000
        self._discovery = Discovery(settings.media_api_url, interval_s, self._found)
        self._probe = StsProbe(settings.sts_url, self._is_talking)

    async def run(self, stop: asyncio.Event) -> None:
        runner = web.AppRunner(self._app(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", self._settings.http_port, shutdown_timeout=0.2).start()
        _log.info("answers on port %d, STS is %s", self._settings.http_port, self._settings.sts_url)
        background = [asyncio.create_task(work) for work in (self._discovery.run(), self._probe.run())]
        stopping = asyncio.create_task(stop.wait())
        try:
            # Neither of the two ever returns: if one does, the worker is broken and must not look alive.
            done, _ = await asyncio.wait([stopping, *background], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            for task in [stopping, *background, *self._tasks.values()]:
                task.cancel()
            await asyncio.gather(*background, *self._tasks.values(), return_exceptions=True)
            await runner.cleanup()

    def _is_talking(self) -> bool:
        return any(s.sts_connected for s in self._sessions.values())

    # -- streams

    def _found(self, publications: list[Publication]) -> None:
        now = time.monotonic()
        for publication in publications:
            if publication in self._sessions:
                continue
            if publication in self._ended:
                ended_at, attempts = self._ended[publication]
                if attempts >= _MOST_ATTEMPTS or now - ended_at < _REJOIN_AFTER_S:
                    continue
            self._start(publication)
        for gone in set(self._ended) - set(publications):
            del self._ended[gone]
            self._attempts.pop(gone, None)

    def _start(self, publication: Publication) -> None:
        stream = publication.stream
        attempt = self._attempts[publication] = self._attempts.get(publication, 0) + 1
        _log.info("[%s] found%s", stream, "" if attempt == 1 else f" (attempt {attempt})")
        before = self._last.get(stream)
        session = Session(stream, self._settings, self.metrics, before.output_closed if before else None)
        self._last[stream] = self._sessions[publication] = session
        self._tasks[publication] = asyncio.create_task(self._session(publication, session))

    async def _session(self, publication: Publication, session: Session) -> None:
        try:
            await session.run()
        finally:
            attempts = self._attempts.get(publication, 1) if session.failure in _REJOINABLE else _MOST_ATTEMPTS
            self._ended[publication] = (time.monotonic(), attempts)
            del self._sessions[publication], self._tasks[publication]
            if self._last.get(session.stream) is session:
                del self._last[session.stream]
            self._finished.append(session)

    # -- HTTP

    def _app(self) -> web.Application:
        app = web.Application()
        app.add_routes([web.get("/health", self._health), web.get("/metrics", self._metrics_text)])
        return app

    async def _health(self, _: web.Request) -> web.Response:
        """Healthy is a worker that finds streams. STS may come later: fragments are passed through until then."""
        media = self._discovery.connected
        active = list(self._sessions.values())
        streams = [s.status() | {"state": "active"} for s in active]
        streams += [s.status() | {"state": "failed" if s.failure else "ended"} for s in self._finished]
        body: dict[str, Any] = {
            "status": "ok" if media else "media_unreachable",
            "sts_connected": self._is_talking() or self._probe.reachable,
            "media_connected": media,
            "streams": streams,
        }
        return web.json_response(body, status=200 if media else 503)

    async def _metrics_text(self, _: web.Request) -> web.Response:
        return web.Response(text=self.metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})
