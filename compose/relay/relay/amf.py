"""AMF0, the value format of RTMP commands (Adobe "Action Message Format -- AMF 0", 2007)."""
import struct

from .errors import ProtocolError

MAX_DEPTH = 8
NUMBER, BOOLEAN, STRING, OBJECT, NULL, UNDEFINED = 0, 1, 2, 3, 5, 6
ECMA_ARRAY, OBJECT_END, STRICT_ARRAY, DATE, LONG_STRING = 8, 9, 10, 11, 12


def encode(*values):
    return b"".join(_encode(v) for v in values)


def _encode(value):
    if value is None:
        return bytes([NULL])
    if isinstance(value, bool):
        return bytes([BOOLEAN, value])
    if isinstance(value, (int, float)):
        return struct.pack(">Bd", NUMBER, value)
    if isinstance(value, str):
        text = value.encode()
        if len(text) > 0xFFFF:
            return struct.pack(">BI", LONG_STRING, len(text)) + text
        return struct.pack(">BH", STRING, len(text)) + text
    if isinstance(value, dict):
        body = b"".join(struct.pack(">H", len(k.encode())) + k.encode() + _encode(v) for k, v in value.items())
        return bytes([OBJECT]) + body + b"\0\0" + bytes([OBJECT_END])
    if isinstance(value, list):
        return struct.pack(">BI", STRICT_ARRAY, len(value)) + encode(*value)
    raise TypeError(f"no AMF0 form for {type(value).__name__}")


def decode(data):
    """All values of a message, in order."""
    values, offset = [], 0
    while offset < len(data):
        value, offset = _decode(data, offset, 0)
        values.append(value)
    return values


def _take(data, offset, count):
    if offset + count > len(data):
        raise ProtocolError("AMF0 value is cut off")
    return data[offset:offset + count], offset + count


def _text(data, offset, width):
    size, offset = _take(data, offset, width)
    raw, offset = _take(data, offset, int.from_bytes(size, "big"))
    return raw.decode("utf-8", "replace"), offset


def _decode(data, offset, depth):
    if depth > MAX_DEPTH:
        raise ProtocolError(f"AMF0 objects nested more than {MAX_DEPTH} deep")
    marker, offset = _take(data, offset, 1)
    kind = marker[0]
    if kind == NUMBER:
        raw, offset = _take(data, offset, 8)
        return struct.unpack(">d", raw)[0], offset
    if kind == BOOLEAN:
        raw, offset = _take(data, offset, 1)
        return bool(raw[0]), offset
    if kind == STRING:
        return _text(data, offset, 2)
    if kind == LONG_STRING:
        return _text(data, offset, 4)
    if kind in (NULL, UNDEFINED):
        return None, offset
    if kind == OBJECT:
        return _members(data, offset, depth)
    if kind == ECMA_ARRAY:                              # its count is only a hint
        _, offset = _take(data, offset, 4)
        return _members(data, offset, depth)
    if kind == STRICT_ARRAY:
        raw, offset = _take(data, offset, 4)
        values = []
        for _ in range(int.from_bytes(raw, "big")):     # a lying count ends at "cut off"
            value, offset = _decode(data, offset, depth + 1)
            values.append(value)
        return values, offset
    if kind == DATE:
        raw, offset = _take(data, offset, 10)
        return struct.unpack(">d", raw[:8])[0], offset
    raise ProtocolError(f"AMF0 type {kind} is not supported")


def _members(data, offset, depth):
    members = {}
    while True:
        key, offset = _text(data, offset, 2)
        if not key and data[offset:offset + 1] == bytes([OBJECT_END]):
            return members, offset + 1
        members[key], offset = _decode(data, offset, depth + 1)
