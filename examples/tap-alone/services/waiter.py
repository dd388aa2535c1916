"""A waiter: orders three dishes of the kitchen at URL, and orders again what is not served within three seconds."""
import asyncio
import sys

import socketio


async def main(url):
    waiter, served = socketio.AsyncClient(reconnection=False), asyncio.Queue()
    waiter.on("served", served.put)
    await waiter.connect(url, transports=["websocket"], wait_timeout=30)
    for dish in ("soup", "fish", "cake"):
        for _ in range(3):
            await waiter.emit("order", dish)
            try:
                answer = await asyncio.wait_for(served.get(), 3)
                break
            except asyncio.TimeoutError:
                print(f"no {dish} yet")
        else:
            sys.exit(f"{dish} was never served")
        if answer != {"dish": dish}:
            sys.exit(f"{answer} was served for {dish}")
    await waiter.disconnect()


asyncio.run(main(sys.argv[1]))
