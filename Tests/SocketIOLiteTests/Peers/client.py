"""python-socketio's client. usage: client.py URL polling|websocket|both"""
import asyncio
import os
import sys

import socketio

url, transports = sys.argv[1:]


async def main():
    client = socketio.AsyncClient(reconnection=False, request_timeout=60)
    counted = []
    done = asyncio.Event()

    @client.on("counted")
    async def on_counted(data):
        counted.append(data["index"])
        if len(counted) == 12:
            done.set()

    await client.connect(url, transports=["polling", "websocket"] if transports == "both" else [transports], wait_timeout=60)
    text, data = await client.call("echo", ("héllo", b"bytes"), timeout=60)
    print("echo", text, len(data))
    # More than a kilobyte, which servers compress if they may; python-engineio reads at most 16 packets of a polling payload.
    await client.emit("count", (12, 500))
    await asyncio.wait_for(done.wait(), 60)
    assert counted == list(range(12)), counted
    print("counted", len(counted))
    assert client.transport() == ("polling" if transports == "polling" else "websocket")
    if transports == "polling":
        # Its disconnect waits for the poll that is under way: a ping interval.
        sys.stdout.flush()
        os._exit(0)
    await client.disconnect()


asyncio.run(main())
