"""Starts the server at once, which answers 503 until the models are loaded; ends on SIGTERM or SIGINT."""
import asyncio
import functools
import os
import signal
import sys
import time

import engineio.async_drivers.aiohttp as driver
import socketio
from aiohttp import web

from . import contract, settings
from .log import log
from .pool import EngineDied, EngineFailed, EnginePool
from .server import Server

# Without it aiohttp closes a WebSocket whose message exceeds its own 4 MB, whatever Engine.IO's limit says.
driver.WebSocketResponse = functools.partial(web.WebSocketResponse, max_msg_size=contract.MAX_MESSAGE)
STOP_TIMEOUT = 1.0


def health_route(pool, server, configuration):
    began = time.monotonic()

    async def health(request):
        ready = pool.about is not None
        return web.json_response({
            "status": "healthy" if ready else "starting", "engine": configuration.engine,
            "providers": pool.about["providers"] if ready else {}, "workers": configuration.workers,
            "uptime_s": round(time.monotonic() - began, 3), **server.health()}, status=200 if ready else 503)
    return health


async def main(configuration):
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    # In order: the handlers are quick, and a stream's fragments must not overtake its stream:init.
    sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*", async_handlers=False,
                               max_http_buffer_size=contract.MAX_MESSAGE, namespaces=[configuration.namespace])
    pool = EnginePool(configuration)
    server = Server(sio, configuration, pool)
    app = web.Application(client_max_size=contract.MAX_MESSAGE)
    sio.attach(app)
    app.router.add_get("/health", health_route(pool, server, configuration))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", configuration.port).start()
    log(f"listening on port {configuration.port}, namespace {configuration.namespace}, engine {configuration.engine}; "
        f"loading the first of up to {configuration.workers} engines")
    loading = asyncio.ensure_future(pool.start())
    stopping = asyncio.ensure_future(stop.wait())
    began = time.monotonic()
    await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        loading.result()
        log(f"ready after {time.monotonic() - began:.1f} s:", pool.about["providers"] or configuration.engine)
        for _ in range(configuration.workers):
            server.background(server.run_worker())
        await stopping
    log("stopping")
    try:
        await asyncio.wait_for(runner.cleanup(), STOP_TIMEOUT)
    except asyncio.TimeoutError:
        pass                            # clients that hold their connections do not hold us


def run():
    try:
        asyncio.run(main(settings.load(os.environ)))
        code = 0
    except (settings.SettingsError, EngineFailed, EngineDied) as error:
        log("cannot start:", error)
        code = 1
    sys.stdout.flush()
    # The engines are daemons and end with us; threads that wait for them must not keep us.
    import multiprocessing
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(code)


if __name__ == "__main__":
    run()
