"""python-socketio's client sends binary events and waits until each came back. usage: blobs.py URL polling|websocket|both N

Prints the numbers in the order in which they came.
"""
import asyncio
import os
import sys

import socketio

url, transports, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])


async def main():
    client = socketio.AsyncClient(reconnection=False, request_timeout=60)
    came = []
    done = asyncio.Event()

    @client.on("blob-back")
    async def on_blob(index, data):
        assert data == bytes([255, index, 0]), (index, data)
        came.append(index)
        if len(came) == wanted:
            done.set()

    await client.connect(url, transports=["polling", "websocket"] if transports == "both" else [transports], wait_timeout=60)
    for index in range(wanted):
        await client.emit("blob", (index, bytes([0, index, 255])))
        if transports == "polling":
            # A body of its own for each: python-engineio's server reads at most 16 packets of one.
            while not client.eio.queue.empty():
                await asyncio.sleep(0.001)
    await asyncio.wait_for(done.wait(), 60)
    print(*came)
    sys.stdout.flush()
    # Its disconnect by polling waits for the poll that is under way: a ping interval.
    os._exit(0)


asyncio.run(main())
