"""Bytes of its own on a bare socket. usage: raw.py PORT half-close|early|no-http; prints what came back, shortened."""
import socket
import struct
import sys

port, what = sys.argv[1:]
UPGRADE = (
    b"GET /socket.io/?EIO=4&transport=websocket%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")


def frame(text):
    """Masked with zeros, which changes nothing."""
    return struct.pack(">BB", 0x81, 0x80 | len(text)) + bytes(4) + text


with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as connection:
    if what == "half-close":
        # The server answers when it has heard the end of the request.
        connection.sendall(UPGRADE % b"&case=until-end")
        connection.shutdown(socket.SHUT_WR)
    elif what == "no-http":
        connection.sendall(b"\x16\x03\x01 this is no request\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
    else:
        # The first frames travel with the request, before the server has agreed to frames.
        connection.sendall(UPGRADE % b"" + frame(b"40") + frame(b'42["early"]') + frame(b"41"))
    answer = b""
    while part := connection.recv(65536):
        answer += part
    print(answer.decode("utf-8", "replace")[:300])
