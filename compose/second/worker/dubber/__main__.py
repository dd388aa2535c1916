"""python3 -m dubber"""

import asyncio
import logging
import os
import signal
import sys

from aiohttp import web

from . import settings
from .gst import GStreamerError
from .link import Link
from .metrics import Metrics
from .session import Session
from .settings import Settings
from .streams import Streams

_log = logging.getLogger("dubber")


class Dubber:
    """A session for each input that there is, and the two pages."""

    def __init__(self, configuration: Settings):
        self._settings = configuration
        self._sessions: dict[str, Session] = {}
        self._tasks: dict[str, asyncio.Task] = {}
        self._metrics = Metrics(
            inflight=lambda: sum(s.inflight for s in self._sessions.values()),
            breaker=lambda: max((int(s.breaker.state) for s in self._sessions.values()), default=0),
            streams=lambda: len(self._sessions),
        )
        self._link = Link(configuration, self._metrics)
        self._streams = Streams(configuration.control_url, configuration.prefix, self._inputs)

    async def run(self, stop: asyncio.Event) -> None:
        app = web.Application()
        app.add_routes([web.get("/health", self._health), web.get("/metrics", self._text)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "0.0.0.0", self._settings.port).start()
        background = [asyncio.create_task(self._link.run()), asyncio.create_task(self._streams.run())]
        _log.info("ready on port %d", self._settings.port)
        try:
            await stop.wait()
        finally:
            tasks = [*background, *self._tasks.values()]
            for task in tasks:
                task.cancel()
            # With a bound on all together, and none awaited by itself: the library swallows being cancelled.
            endings = [asyncio.create_task(self._link.close()), asyncio.create_task(runner.cleanup())]
            await asyncio.wait([*tasks, *endings], timeout=1.0)

    def _inputs(self, inputs: dict[str, str]) -> None:
        for name, session in self._sessions.items():
            if name not in inputs:
                session.end()
        for name, path in inputs.items():
            # One that is published again while its last fragments are still played waits for them.
            if name not in self._sessions:
                target = f"{self._settings.prefix}/{name}/out"
                self._sessions[name] = Session(self._settings, self._link, self._metrics, name, path, target)
                self._tasks[name] = asyncio.create_task(self._dub(name))

    async def _dub(self, name: str) -> None:
        try:
            await self._sessions[name].run()
        except* (GStreamerError, OSError) as group:
            for error in group.exceptions:
                _log.error("%s: %s", name, error)
        finally:
            del self._sessions[name], self._tasks[name]

    async def _health(self, _request: web.Request) -> web.Response:
        state = {"control": self._streams.is_reached, "speech": self._link.is_connected.is_set()}
        # Without the speech service the original goes out: that is not ill. Without the media server nothing does.
        return web.json_response(state, status=200 if self._streams.is_reached else 503)

    async def _text(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._metrics.text(), content_type="text/plain")


async def _main(configuration: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await Dubber(configuration).run(stop)
    finally:
        # What will not be cancelled, such as a pipeline's thread in a read, must not keep a container alive that was told to stop.
        if stop.is_set():
            logging.shutdown()
            os._exit(0)


def main() -> None:
    try:
        configuration = settings.load()
    except settings.SettingsError as error:
        sys.exit(f"dubber: {error}")
    logging.basicConfig(
        level=configuration.log_level, stream=sys.stdout, datefmt="%H:%M:%S",
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    asyncio.run(_main(configuration))


if __name__ == "__main__":
    main()
