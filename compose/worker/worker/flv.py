"""FLV tag bodies, AMF0 and RTMP chunks: bytes in, bytes out. Pure.

Sources: Adobe, "Video File Format Specification 10.1", annex E; "RTMP Specification 1.0", sections 5 and 7.
"""

import struct
from dataclasses import dataclass
from typing import Any

AUDIO, VIDEO, DATA, COMMAND = 8, 9, 18, 20
SET_CHUNK_SIZE, ACKNOWLEDGEMENT, USER_CONTROL, WINDOW_SIZE, PEER_BANDWIDTH = 1, 3, 4, 5, 6
_CHUNK_STREAM = {SET_CHUNK_SIZE: 2, ACKNOWLEDGEMENT: 2, USER_CONTROL: 2, WINDOW_SIZE: 2, COMMAND: 3, AUDIO: 4, DATA: 5, VIDEO: 6}
_EXTENDED = 0xFFFFFF
_LARGEST_MESSAGE = 64 << 20


class ProtocolError(Exception):
    """The peer sent bytes that are no RTMP."""


def video_header(avcc: bytes) -> bytes:
    """AVC sequence header; `avcc` is the AVCDecoderConfigurationRecord."""
    return b"\x17\x00\x00\x00\x00" + avcc


def video_body(payload: bytes, is_key: bool, composition_ms: int) -> bytes:
    return (b"\x17\x01" if is_key else b"\x27\x01") + struct.pack(">i", composition_ms)[1:] + payload


def audio_header(config: bytes) -> bytes:
    """AAC sequence header; `config` is the AudioSpecificConfig."""
    return b"\xaf\x00" + config


def audio_body(payload: bytes) -> bytes:
    return b"\xaf\x01" + payload


def amf(*values: Any) -> bytes:
    out = bytearray()
    for value in values:
        if value is None:
            out += b"\x05"
        elif isinstance(value, bool):
            out += b"\x01" + bytes([value])
        elif isinstance(value, (int, float)):
            out += b"\x00" + struct.pack(">d", value)
        elif isinstance(value, str):
            out += b"\x02" + _text(value)
        elif isinstance(value, dict):
            out += b"\x03" + b"".join(_text(k) + amf(v) for k, v in value.items()) + b"\x00\x00\x09"
        else:
            raise TypeError(f"AMF0 has no {type(value).__name__}")
    return bytes(out)


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def parse_amf(data: bytes) -> list[Any]:
    values, at = [], 0
    try:
        while at < len(data):
            value, at = _parse_one(data, at)
            values.append(value)
    except (IndexError, struct.error) as error:
        raise ProtocolError(f"AMF0 value is cut off: {error}") from None
    return values


def _parse_one(data: bytes, at: int) -> tuple[Any, int]:
    kind, at = data[at], at + 1
    if kind == 0:
        return struct.unpack_from(">d", data, at)[0], at + 8
    if kind == 1:
        return bool(data[at]), at + 1
    if kind == 2:
        return _parse_text(data, at)
    if kind in (3, 8):
        at += 4 if kind == 8 else 0
        fields: dict[str, Any] = {}
        while True:
            key, at = _parse_text(data, at)
            if not key and data[at] == 9:
                return fields, at + 1
            fields[key], at = _parse_one(data, at)
    if kind in (5, 6):
        return None, at
    raise ProtocolError(f"AMF0 type {kind} is not understood")


def _parse_text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">H", data, at)
    return data[at + 2 : at + 2 + length].decode("utf-8", "replace"), at + 2 + length


@dataclass(frozen=True)
class Message:
    kind: int
    timestamp: int
    body: bytes


def chunked(message: Message, stream_id: int, chunk_size: int) -> bytes:
    """A message as one full chunk and its continuations."""
    channel = _CHUNK_STREAM.get(message.kind, 3)
    timestamp = message.timestamp & 0xFFFFFFFF
    extended = struct.pack(">I", timestamp) if timestamp >= _EXTENDED else b""
    out = [
        bytes([channel]),
        min(timestamp, _EXTENDED).to_bytes(3, "big"),
        len(message.body).to_bytes(3, "big"),
        bytes([message.kind]),
        struct.pack("<I", stream_id),
        extended,
    ]
    for at in range(0, len(message.body), chunk_size):
        if at:
            out += [bytes([0xC0 | channel]), extended]
        out.append(message.body[at : at + chunk_size])
    return b"".join(out)


class ChunkParser:
    """Puts the chunks of a peer together to messages; follows the peer's chunk size by itself."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._size = 128
        self._channels: dict[int, dict[str, Any]] = {}

    def feed(self, data: bytes) -> list[Message]:
        self._buffer += data
        messages = []
        while (used := self._chunk(messages)) > 0:
            del self._buffer[:used]
        return messages

    def _chunk(self, messages: list[Message]) -> int:
        """Parses one chunk; answers how many bytes it used, 0 when it is not complete yet."""
        data = self._buffer
        if not data:
            return 0
        form, channel, at = data[0] >> 6, data[0] & 63, 1
        if channel < 2:  # one or two more bytes tell the chunk stream
            at += channel + 1
            if len(data) < at:
                return 0
            channel = 64 + int.from_bytes(data[1:at], "little")
        header = (11, 7, 3, 0)[form]
        if len(data) < at + header:
            return 0
        state = self._channels.get(channel)
        if state is None:
            if form != 0:
                raise ProtocolError(f"chunk stream {channel} begins without a full header")
            state = self._channels.setdefault(channel, {"body": b"", "timestamp": 0, "delta": 0})
        length, kind, extended = state.get("length", 0), state.get("kind", 0), state.get("extended", False)
        stamp = state["delta"]
        if form < 3:
            stamp = int.from_bytes(data[at : at + 3], "big")
            extended = stamp == _EXTENDED
        if form < 2:
            length, kind = int.from_bytes(data[at + 3 : at + 6], "big"), data[at + 6]
            if length > _LARGEST_MESSAGE:
                raise ProtocolError(f"message of {length} bytes")
        at += header
        if extended:
            if len(data) < at + 4:
                return 0
            if form < 3:
                stamp = int.from_bytes(data[at : at + 4], "big")
            at += 4
        part = min(self._size, length - len(state["body"]))
        if len(data) < at + part:
            return 0
        if not state["body"]:
            state["timestamp"] = stamp if form == 0 else state["timestamp"] + stamp & 0xFFFFFFFF
        state.update(length=length, kind=kind, extended=extended, delta=stamp if form in (1, 2, 3) else 0)
        state["body"] += bytes(data[at : at + part])
        if len(state["body"]) == length:
            message = Message(kind, state["timestamp"], state["body"])
            state["body"] = b""
            if kind == SET_CHUNK_SIZE and length >= 4:
                self._size = max(1, int.from_bytes(message.body[:4], "big") & 0x7FFFFFFF)
            messages.append(message)
        return at + part
