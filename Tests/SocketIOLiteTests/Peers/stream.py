"""Sends numbered events to whoever is connected, and drops the transport three times on the way. Prints its port; ends with its
standard input.

The event `start` {total} begins it. Numbers go on counting while nobody is connected, as events of a live stream do: some are lost.
"""
import asyncio

import socketio
from aiohttp import web

from ending import serve_until_released

# So many are sent into the void after each drop, and so many may wait in the server.
AWAY, AHEAD = 50, 2_000

sio = socketio.AsyncServer(async_mode="aiohttp", ping_timeout=120)
connected = asyncio.Event()
current = {}


def waiting():
    socket = sio.eio.sockets.get(current["transport"])
    return 0 if socket is None else socket.queue.qsize()


async def send(total):
    drops = {total * quarter // 4 for quarter in (1, 2, 3)}
    for number in range(total):
        if number in drops:
            connected.clear()
            # By polling it waits for who took its last packet, and for ever if the client's next poll came too late for that.
            ending = asyncio.ensure_future(sio.eio.disconnect(current["transport"]))
            await asyncio.wait([ending], timeout=0.2)
        elif number - AWAY in drops:
            await connected.wait()
        await sio.emit("number", number, to=current["sid"])
        if number % 100 == 0:
            # The transport's own task must have its turn.
            await asyncio.sleep(0)
            while waiting() > AHEAD:
                await asyncio.sleep(0.001)
    await sio.emit("number", total, to=current["sid"])


@sio.on("connect")
async def connect(sid, environ):
    current.update(sid=sid, transport=sio.manager.eio_sid_from_sid(sid, "/"))
    # Not before the client knows that it is connected: events before that break the protocol.
    asyncio.get_running_loop().call_later(0.05, connected.set)


@sio.on("start")
async def start(sid, total):
    sio.start_background_task(send, total)


async def main():
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await serve_until_released(runner.addresses[0][1])


asyncio.run(main())
