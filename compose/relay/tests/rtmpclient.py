"""A small RTMP client on a socket: publishes and plays raw messages, so that a test decides what is sent and when."""
import socket
import struct
import time

from relay import amf, chunks, flv

OUT_CHUNK = 4096
TIMEOUT = 20.0                          # s, for whatever is awaited from the server


def finish(coroutine):
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the coroutine waits")


class RtmpClient:
    def __init__(self, server, path, codecs=(), receive_buffer=None):
        """`codecs`: the four character codes that the client says it knows."""
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(("127.0.0.1", server.rtmp))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.opened = time.monotonic()
        self.input = self.socket.makefile("rb")
        self.reader = chunks.ChunkReader(self._read)
        app, _, self.stream = path.rpartition("/")
        self.socket.sendall(b"\3" + bytes(1536))
        self.input.read(1 + 1536)
        self.socket.sendall(bytes(1536))
        self.input.read(1536)
        self.send(chunks.SET_CHUNK_SIZE, 0, struct.pack(">I", OUT_CHUNK), 2)
        options = {"app": app, "tcUrl": f"rtmp://127.0.0.1:{server.rtmp}/{app}"}
        self.command("connect", 1, {**options, **({"fourCcList": list(codecs)} if codecs else {})})
        self.command("createStream", 2, None)
        self.await_command("_result", 2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.input.close()
        self.socket.close()

    async def _read(self, count):
        data = self.input.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def send(self, kind, time, body, chunk_stream=None):
        parts = [body[i:i + OUT_CHUNK] for i in range(0, len(body), OUT_CHUNK)] or [b""]
        chunk_stream = chunk_stream or {flv.AUDIO: 4, flv.VIDEO: 6}.get(kind, 3)
        head = bytes([chunk_stream]) + time.to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind]) + b"\1\0\0\0"
        self.socket.sendall(head + bytes([0xC0 | chunk_stream]).join(parts))

    def command(self, *values):
        self.send(chunks.COMMAND, 0, amf.encode(*values))

    def message(self):
        """The next message, or None at the end of the connection."""
        try:
            return finish(self.reader.message())
        except (EOFError, ConnectionError):
            return None

    def await_command(self, name, number=None):
        """The values of the next command of that name; None if the connection ends before."""
        while (message := self.message()) is not None:
            if message.kind == chunks.COMMAND:
                values = amf.decode(message.body)
                if values[0] == name and number in (None, values[1]):
                    return values
        return None

    def await_status(self):
        values = self.await_command("onStatus")
        return values[3]["code"] if values else None

    def statuses(self):
        """All status codes until the connection ends."""
        return list(iter(self.await_status, None))

    def publish(self):
        self.command("publish", 3, None, self.stream, "live")
        return self.await_status()

    def play(self):
        self.command("play", 3, None, self.stream)

    def media(self):
        """Everything from the server until it closes: (kind, time, body)."""
        messages = iter(self.message, None)
        return [(m.kind, m.time, m.body) for m in messages if m.kind in (flv.AUDIO, flv.VIDEO, flv.DATA)]

    def await_end(self):
        """Reads until the server closes; the seconds since the connection was opened."""
        while self.message() is not None:
            pass
        return time.monotonic() - self.opened
