"""python3 -m dubber"""

import asyncio
import logging
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
            for task in [*background, *self._tasks.values()]:
                task.cancel()
            await asyncio.wait([*background, *self._tasks.values()], timeout=1.0)
            await self._link.close()
            await runner.cleanup()

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
    await Dubber(configuration).run(stop)


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
