"""What the kernel takes for handing the bytes over: one `recv` after another into one buffer, nothing looked at.

No client can be below this; it is the floor under the other figures. usage: bare_recv.py burst|burst-bin URL N SIZE [BUFFER_BYTES]
"""
import json
import socket
import struct
import sys
from urllib.parse import urlsplit

from payload import binary_event, text_event
from usage import cpu_seconds, peak_mb, report


def frame_length(payload):
    return payload + (2 if payload < 126 else 4 if payload < 65536 else 10)


def wire_bytes(event, count, size):
    """How many bytes the replay server sends for this wish."""
    total = 0
    for index in range(count):
        if event == "burst":
            total += frame_length(2 + len(text_event(index, size)))
        else:
            total += frame_length(4 + len(binary_event(index))) + frame_length(size)
    return total


def main(event, url, count, size, length=256 << 10):
    missing = wire_bytes(event, count, size)
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
        send(connection, b"40")
        read_until(connection, b'40{"sid":"y"}')
        buffer = bytearray(length)
        before = cpu_seconds()
        send(connection, b"42" + json.dumps([event, {"n": count, "size": size}]).encode())
        reads = 0
        while missing > 0:
            got = connection.recv_into(buffer)
            if got == 0:
                raise SystemExit(f"the server closed with {missing} bytes missing")
            missing -= got
            reads += 1
        report(cpu_us=(cpu_seconds() - before) / count * 1e6, peak_rss_mb=peak_mb(), reads=reads)


def send(connection, data):
    """One masked text frame; a mask of zeros changes nothing."""
    connection.sendall(struct.pack(">BB", 0x81, 0x80 | len(data)) + bytes(4) + data)


def read_until(connection, end):
    seen = b""
    while not seen.endswith(end):
        part = connection.recv(4096)
        if not part:
            raise SystemExit(f"the server closed the connection after {seen!r}")
        seen += part


event, url, *numbers = sys.argv[1:]
main(event, url, *map(int, numbers))
