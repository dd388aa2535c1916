"""A WebSocket-only Socket.IO server that replays frames which it encoded before: it costs next to nothing, so the client is what is
measured. Prints its port, ends with its standard input.

An event `burst` {n, size} is answered with n text events, `burst-bin` with n events of one attachment each.
"""
import asyncio
import base64
import functools
import hashlib
import json
import os
import struct
import sys

from payload import binary_event, text_event
from usage import allow_many_sockets

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
OPEN = b'0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":60000,"maxPayload":1000000}'
TEXT, BINARY, CLOSE = 1, 2, 8


def frame(data, opcode):
    size = len(data)
    if size < 126:
        length = bytes([size])
    elif size < 65536:
        length = bytes([126]) + struct.pack(">H", size)
    else:
        length = bytes([127]) + struct.pack(">Q", size)
    return bytes([0x80 | opcode]) + length + data


async def read_frame(reader):
    first, second = await reader.readexactly(2)
    size = second & 127
    if size == 126:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
    elif size == 127:
        (size,) = struct.unpack(">Q", await reader.readexactly(8))
    mask = await reader.readexactly(4) if second & 128 else bytes(4)
    data = await reader.readexactly(size)
    return first & 15, bytes(byte ^ mask[index & 3] for index, byte in enumerate(data))


@functools.lru_cache(maxsize=1)
def encoded(name, count, size):
    if name == "burst":
        return [frame(b"42" + text_event(index, size), TEXT) for index in range(count)]
    attachment = frame(os.urandom(size), BINARY)
    return [frame(b"451-" + binary_event(index), TEXT) + attachment for index in range(count)]


async def upgrade(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    lines = (line.split(":", 1) for line in head.split("\r\n")[1:] if ":" in line)
    key = next(value.strip() for name, value in lines if name.lower() == "sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()
    answer = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    writer.write("\r\n".join([*answer, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode())
    writer.write(frame(OPEN, TEXT))


async def serve(reader, writer):
    try:
        await upgrade(reader, writer)
        while True:
            opcode, data = await read_frame(reader)
            if opcode == CLOSE:
                break
            if opcode == TEXT and data[:2] == b"40":
                writer.write(frame(b'40{"sid":"y"}', TEXT))
            elif opcode == TEXT and data[:2] == b"42":
                name, wish = json.loads(data[2:])
                frames = encoded(name, wish["n"], wish["size"])
                step = max(1, 262144 // len(frames[0]))
                for start in range(0, len(frames), step):
                    writer.write(b"".join(frames[start:start + step]))
                    await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    allow_many_sockets()
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    # Not server.wait_closed(): it would wait for clients that were killed.
    os._exit(0)


asyncio.run(main())
