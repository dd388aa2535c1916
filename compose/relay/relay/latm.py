"""AAC in LATM over RTP with its configuration in the session description (RFC 6416 6): what GStreamer's rtspclientsink sends."""
from .errors import ProtocolError

MAX_ELEMENT = 64 << 10
#: Bits of a StreamMuxConfig before its AudioSpecificConfig: version 0, same framing, one frame, one program, one layer.
LEAD = 0b01000000_0000_000
LEAD_BITS = 15


def configuration(mux):
    """AudioSpecificConfig of a StreamMuxConfig (ISO 14496-3 1.7.3.2), and the frameLengthType that follows it.

    GStreamer ends the StreamMuxConfig after the AudioSpecificConfig. If that has an extension (libavcodec's has one of three
    bytes), it is read as what should have come: MediaMTX then finds a frameLengthType that it does not know.
    """
    total = 8 * len(mux)
    bits = int.from_bytes(mux, "big")

    def take(start, count):
        if start + count > total:
            raise ProtocolError("LATM configuration is cut off")
        return bits >> total - start - count & (1 << count) - 1

    if take(0, LEAD_BITS) != LEAD:
        raise ProtocolError("LATM configuration with several frames, programs or layers")
    size = 40 if take(LEAD_BITS + 5, 4) == 15 else 16
    if take(LEAD_BITS, 5) != 2:
        raise ProtocolError(f"LATM configuration of AAC object type {take(LEAD_BITS, 5)}")
    after = LEAD_BITS + size
    kind = take(after, 3) if after + 3 <= total else 0
    return take(LEAD_BITS, size).to_bytes(size // 8, "big"), kind


class Unpacker:
    """Collects AudioMuxElements and takes their frame out."""

    def __init__(self, track):
        self.partial, self.following = None, 0

    def feed(self, payload, sequence, timestamp, marker):
        if self.partial is not None and sequence != self.following:
            self.partial = None
            raise ProtocolError("a part of a LATM element is missing")
        element = (self.partial or b"") + payload
        self.following = sequence + 1 & 0xFFFF
        if len(element) > MAX_ELEMENT:
            self.partial = None
            raise ProtocolError(f"LATM element of more than {MAX_ELEMENT >> 10} KB")
        self.partial = None if marker else element
        return [self._frame(element)] if marker else None

    @staticmethod
    def _frame(element):
        """PayloadLengthInfo: bytes of 255 and one below that, added up (1.7.3.1)."""
        size, offset = 0, 0
        while True:
            if offset >= len(element):
                raise ProtocolError("LATM element is cut off")
            size, offset = size + element[offset], offset + 1
            if element[offset - 1] != 255:
                break
        if offset + size > len(element):
            raise ProtocolError("LATM element is shorter than it says")
        return element[offset:offset + size]
