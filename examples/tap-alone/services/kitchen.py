"""A kitchen: serves what is ordered, to who ordered it and nobody else. It prints its port."""
import asyncio

import socketio
from aiohttp import web


async def main():
    kitchen = socketio.AsyncServer(async_mode="aiohttp")

    @kitchen.on("order")
    async def order(sid, dish):
        await kitchen.emit("served", {"dish": dish}, to=sid)

    application = web.Application()
    kitchen.attach(application)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
