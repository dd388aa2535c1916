"""The least that Python can do: the `websockets` library reading frames, no JSON, no events.

usage: websockets_reader.py burst|burst-bin URL N SIZE
"""
import asyncio
import json
import sys

import websockets

from usage import cpu_seconds, peak_mb, report


async def main(event, url, count, size):
    address = url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
    async with websockets.connect(address, compression=None, max_size=None) as socket:
        await socket.recv()
        await socket.send("40")
        await socket.recv()
        before = cpu_seconds()
        await socket.send("42" + json.dumps([event, {"n": count, "size": size}]))
        frames = count * (2 if event == "burst-bin" else 1)
        received = 0
        while received < frames:
            message = await socket.recv(decode=False)
            if message == b"2":
                await socket.send("3")
                continue
            received += 1
        report(cpu_us=(cpu_seconds() - before) / count * 1e6, peak_rss_mb=peak_mb())


event, url, count, size = sys.argv[1:]
asyncio.run(main(event, url, int(count), int(size)))
