"""RTMP's chunk layer (Adobe RTMP 1.0, 5.3): messages cut into chunks that share one connection."""
import struct
from dataclasses import dataclass

from .errors import ProtocolError
from .flv import AUDIO, DATA, VIDEO

OUT_CHUNK = 65536
MAX_MESSAGE = 10 << 20
SET_CHUNK_SIZE, ABORT, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW, BANDWIDTH, COMMAND = 1, 2, 3, 4, 5, 6, 20
EXTENDED = 0xFFFFFF
_STREAM_OF_KIND = {AUDIO: 4, VIDEO: 6, DATA: 4}


@dataclass(frozen=True)
class Message:
    kind: int
    time: int
    body: bytes
    chunk_stream: int = 3


def encode(kind, time, body, stream=1, chunk_stream=None):
    chunk_stream = chunk_stream or _STREAM_OF_KIND.get(kind, 3)
    time &= 0xFFFFFFFF
    extended = struct.pack(">I", time) if time >= EXTENDED else b""
    parts = [bytes([chunk_stream]) + min(time, EXTENDED).to_bytes(3, "big") + len(body).to_bytes(3, "big") +
             bytes([kind]) + struct.pack("<I", stream) + extended, body[:OUT_CHUNK]]
    for offset in range(OUT_CHUNK, len(body), OUT_CHUNK):
        # The extended time is repeated in front of every chunk, which the specification leaves half said.
        parts += [bytes([0xC0 | chunk_stream]) + extended, body[offset:offset + OUT_CHUNK]]
    return b"".join(parts)


class _ChunkStream:
    def __init__(self, number):
        self.number = number
        self.time = self.delta = self.size = self.kind = 0
        self.extended = self.begun = False
        self.buffer = bytearray()


class ChunkReader:
    """`read` is an async function of a byte count; `may_abort`: whether the peer may abort messages, as from MediaMTX 1.18.2 on."""

    def __init__(self, read, may_abort=False):
        self._read, self._may_abort = read, may_abort
        self._streams = {}
        self._chunk_size = 128

    async def message(self):
        while True:
            message = await self._chunk()
            if message is None:
                continue
            if message.kind == SET_CHUNK_SIZE:
                self._set_chunk_size(message.body)
            elif message.kind == ABORT and self._may_abort:
                stream = self._streams.get(int.from_bytes(message.body[:4], "big"))
                stream and stream.buffer.clear()
            return message

    def _set_chunk_size(self, body):
        size = int.from_bytes(body[:4], "big")
        if len(body) != 4 or not 1 <= size <= MAX_MESSAGE:
            raise ProtocolError(f"RTMP chunk size of {size}")
        self._chunk_size = size

    async def _header(self):
        first = (await self._read(1))[0]
        form, number = first >> 6, first & 63
        if number < 2:
            raise ProtocolError("RTMP chunk streams from 64 on are not supported")
        stream = self._streams.get(number)
        if stream is None:
            if form:
                raise ProtocolError("RTMP chunk continues a stream that never began")
            stream = self._streams[number] = _ChunkStream(number)
        return form, stream

    async def _chunk(self):
        form, stream = await self._header()
        if form < 3:
            header = await self._read((11, 7, 3)[form])
            if stream.buffer:
                raise ProtocolError("RTMP message begins inside another")
            time = int.from_bytes(header[:3], "big")
            if form < 2:
                stream.size, stream.kind = int.from_bytes(header[3:6], "big"), header[6]
                if stream.size > MAX_MESSAGE:
                    raise ProtocolError(f"RTMP message of {stream.size} bytes; at most {MAX_MESSAGE} are accepted")
            stream.extended = time == EXTENDED
        else:
            time = stream.delta
        if stream.extended:
            extended = int.from_bytes(await self._read(4), "big")
            time = extended if form < 3 else time
        if not stream.buffer:
            stream.delta = 0 if form == 0 else time
            stream.time = time if form == 0 else (stream.time + time) & 0xFFFFFFFF
        stream.buffer += await self._read(min(self._chunk_size, stream.size - len(stream.buffer)))
        if len(stream.buffer) < stream.size:
            return None
        body, stream.buffer = bytes(stream.buffer), bytearray()
        return Message(stream.kind, stream.time, body, stream.number)
