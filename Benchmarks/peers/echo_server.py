"""python-socketio's server, which answers `echo` with what it got. Prints its port, ends with its standard input."""
import asyncio
import os
import sys

import socketio
from aiohttp import web

server = socketio.AsyncServer(async_mode="aiohttp")


@server.on("echo")
async def echo(_sid, data):
    return data


async def main():
    app = web.Application()
    server.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
