"""H.265 as far as enhanced RTMP publishers and RTSP readers need it: parameter sets, access units, RTP (RFC 7798)."""
import base64
import struct

from .errors import ProtocolError

VPS, SPS, PPS, AUD = 32, 33, 34, 35
FIRST_IRAP, LAST_IRAP = 16, 23          # random access pictures (H.265 7.4.2.2)
AGGREGATION, FRAGMENT = 48, 49


class Picture(list):
    """The units of a picture, H.265's or AV1's, with the decoding time (ms) that its publisher told."""

    def __init__(self, units, decoding):
        super().__init__(units)
        self.decoding = decoding


def kind_of(nal):
    return nal[0] >> 1 & 63


def parameter_sets(configuration):
    """VPS, SPS and PPS of an HEVCDecoderConfigurationRecord (ISO 14496-15 8.3.3); as with MediaMTX there must be one of each."""
    found, offset = {}, 23
    try:
        for _ in range(configuration[22]):
            kind, count = configuration[offset] & 63, struct.unpack_from(">H", configuration, offset + 1)[0]
            offset += 3
            for _ in range(count):
                size = struct.unpack_from(">H", configuration, offset)[0]
                nal = configuration[offset + 2:offset + 2 + size]
                offset += 2 + size
                if len(nal) == size and count == 1:
                    found[kind] = nal
    except (IndexError, struct.error):
        raise ProtocolError("H.265 decoder configuration is cut off") from None
    if any(len(found.get(kind, b"")) < 3 for kind in (VPS, SPS, PPS)):
        raise ProtocolError("H.265 decoder configuration lacks VPS, SPS or PPS")
    return found[VPS], found[SPS], found[PPS]


def is_key(nals):
    return any(FIRST_IRAP <= kind_of(n) <= LAST_IRAP for n in nals)


def description(configuration):
    """The lines of a session description (RFC 7798 7.1)."""
    sets = zip(("vps", "sps", "pps"), parameter_sets(configuration))
    parameters = "; ".join(f"sprop-{name}={base64.b64encode(nal).decode()}" for name, nal in sets)
    return "a=rtpmap:96 H265/90000", f"a=fmtp:96 {parameters}"


def remux(picture, configuration):
    """A picture as MediaMTX hands it on: own parameter sets and delimiters go, the track's sets lead each key picture."""
    kept = [n for n in picture if len(n) > 2 and not VPS <= kind_of(n) <= AUD]
    return Picture([*parameter_sets(configuration), *kept] if is_key(kept) else kept, picture.decoding)


def payloads(nals, size):
    """(RTP payload, is it the last) of an access unit: small NAL units together, large ones in fragments (RFC 7798 4.4)."""
    batch, length = [], 2
    for nal in nals:
        if batch and length + 2 + len(nal) > size:
            yield from _batch(batch, size, False)
            batch, length = [], 2
        batch.append(nal)
        length += 2 + len(nal)
    if batch:
        yield from _batch(batch, size, True)


def _batch(nals, size, last):
    if len(nals) > 1:
        yield bytes([AGGREGATION << 1, 1]) + b"".join(struct.pack(">H", len(n)) + n for n in nals), last
    elif len(nals[0]) <= size:
        yield nals[0], last
    else:
        nal, step = nals[0], size - 3
        for offset in range(2, len(nal), step):
            final = offset + step >= len(nal)
            header = bytes([nal[0] & 0x81 | FRAGMENT << 1, nal[1], (offset == 2) << 7 | final << 6 | kind_of(nal)])
            yield header + nal[offset:offset + step], last and final
