"""AV1 as far as enhanced RTMP publishers and RTSP readers need it: OBUs, and RTP (AOMedia, "RTP Payload Format For AV1", v1.0)."""
from .errors import ProtocolError

SEQUENCE_HEADER, TEMPORAL_DELIMITER = 1, 2


def _leb128(data, offset):
    value = 0
    for index in range(8):
        if offset + index >= len(data):
            break
        value |= (data[offset + index] & 0x7F) << 7 * index
        if not data[offset + index] & 0x80:
            return value, offset + index + 1
    raise ProtocolError("AV1 size is cut off")


def _as_leb128(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def kind_of(obu):
    return obu[0] >> 3 & 15


def split(unit):
    """The OBUs of a temporal unit (low-overhead format: each says its size), without sizes and without delimiters."""
    obus, offset = [], 0
    while offset < len(unit):
        header = unit[offset]
        if not header & 2:
            raise ProtocolError("AV1 OBU without a size")
        end = offset + (2 if header & 4 else 1)
        size, start = _leb128(unit, end)
        if start + size > len(unit):
            raise ProtocolError("AV1 OBU is longer than its message")
        obu = bytes([header & ~2]) + unit[offset + 1:end] + unit[start:start + size]
        if kind_of(obu) != TEMPORAL_DELIMITER:
            obus.append(obu)
        offset = start + size
    return obus


def join(obus):
    """A temporal unit with sizes, a delimiter first."""
    out = [bytes([TEMPORAL_DELIMITER << 3 | 2, 0])]
    for obu in obus:
        head = 2 if obu[0] & 4 else 1
        out.append(bytes([obu[0] | 2]) + obu[1:head] + _as_leb128(len(obu) - head) + obu[head:])
    return b"".join(out)


def is_key(obus):
    return any(kind_of(o) == SEQUENCE_HEADER for o in obus)


def payloads(obus, size):
    """(RTP payload, is it the last): one OBU or a part of one in each packet."""
    first = True
    for number, obu in enumerate(obus):
        step = size - 1
        for offset in range(0, len(obu), step):
            final = offset + step >= len(obu)
            header = (offset > 0) << 7 | (not final) << 6 | 1 << 4 | (first and is_key(obus)) << 3
            yield bytes([header]) + obu[offset:offset + step], final and number == len(obus) - 1
            first = False
