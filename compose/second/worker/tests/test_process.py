"""The worker as a process: that it ends when it is told to."""

import asyncio
import os
import signal
import socket
import sys
import unittest

import socketio
from aiohttp import web

from dubber.wire import NAMESPACE


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class ProcessTests(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.joined = asyncio.Event()
        server = socketio.AsyncServer(async_mode="aiohttp")
        server.on("connect", lambda *_: self.joined.set(), namespace=NAMESPACE)
        app = web.Application()
        server.attach(app)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        self.addAsyncCleanup(self.runner.cleanup)
        port = free_port()
        await web.TCPSite(self.runner, "127.0.0.1", port, shutdown_timeout=0.1).start()
        changes = {"SPEECH_URL": f"http://127.0.0.1:{port}", "CONTROL_URL": "http://127.0.0.1:9", "PORT": str(free_port())}
        self.worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "dubber", env={**os.environ, **changes})
        self.addAsyncCleanup(self.end)
        await asyncio.wait_for(self.joined.wait(), 20)

    async def end(self):
        if self.worker.returncode is None:
            self.worker.kill()
            await self.worker.wait()

    async def ends(self):
        self.worker.send_signal(signal.SIGTERM)
        try:
            self.assertEqual(await asyncio.wait_for(self.worker.wait(), 3), 0)
        except asyncio.TimeoutError:
            self.fail("it did not end within 3 s, the grace that compose gives it")

    async def test_it_ends_while_it_is_connected(self):
        await self.ends()

    async def test_it_ends_while_it_waits_for_a_service_that_is_gone(self):
        await self.runner.cleanup()
        await self.ends()
