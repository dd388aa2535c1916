"""A polling-only Socket.IO server that replays bodies which it encoded before: it costs next to nothing, so the client is what is
measured. Prints its port, ends with its standard input.

An event `burst` {n, size} is answered with n text events, 16 in each answer to a poll: python-engineio's client reads no more.
"""
import asyncio
import functools
import json
import os
import sys
from urllib.parse import parse_qs, urlsplit

from payload import text_event

OPEN = b'0{"sid":"%s","upgrades":[],"pingInterval":25000,"pingTimeout":60000,"maxPayload":1000000}'
PACKETS = 16
queues = {}


@functools.lru_cache(maxsize=1)
def bodies(count, size):
    packets = [b"42" + text_event(index, size) for index in range(count)]
    return [b"\x1e".join(packets[start:start + PACKETS]) for start in range(0, count, PACKETS)]


async def answer(method, sid, body):
    if sid is None:
        sid = f"s{len(queues)}"
        queues[sid] = asyncio.Queue()
        return OPEN % sid.encode()
    queue = queues[sid]
    if method == "GET":
        return await queue.get()
    for packet in body.split(b"\x1e"):
        if packet.startswith(b"40"):
            queue.put_nowait(b'40{"sid":"y"}')
        elif packet.startswith(b"42"):
            _, wish = json.loads(packet[2:])
            for part in bodies(wish["n"], wish["size"]):
                queue.put_nowait(part)
        elif packet == b"1":
            queue.put_nowait(b"6")
    return b"OK"


async def serve(reader, writer):
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, target, _ = head.split("\r\n", 1)[0].split(" ")
            lengths = [line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0]) if lengths else 0)
            text = await answer(method, parse_qs(urlsplit(target).query).get("sid", [None])[0], body)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: %d\r\n\r\n" % len(text) + text)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
