"""The few things about H.264 that a relay must know: parameter sets, and the fields that give the order of pictures."""
import struct
from dataclasses import dataclass

from .errors import ProtocolError

NAL_SLICE, NAL_IDR, NAL_SPS, NAL_PPS, NAL_AUD, STAP_A, FU_A = 1, 5, 7, 8, 9, 24, 28
# Profiles whose SPS carries chroma format and scaling lists (H.264 7.3.2.1.1).
HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
# A slice header's fields up to pic_order_cnt_lsb fit into these, escapes included.
SLICE_START = 22
# Announced to RTMP readers when a publisher has not said its own yet: 1920x1080, baseline.
UNKNOWN_SPS = bytes.fromhex("6742c028d900780227e584000003000400000300f03c60c920")
UNKNOWN_PPS = bytes.fromhex("08060708")


@dataclass(frozen=True)
class PictureOrder:
    """What an SPS says about picture order counts (H.264 8.2.1)."""
    kind: int                           # pic_order_cnt_type
    frames_only: bool
    frame_number_bits: int
    count_bits: int


class Bits:
    def __init__(self, data):
        self.data = data.replace(b"\0\0\3", b"\0\0")     # emulation prevention, 7.4.1
        self.at = 0

    def u(self, count):
        value = 0
        for _ in range(count):
            if self.at >= 8 * len(self.data):
                raise ProtocolError("H.264 header is cut off")
            value = value << 1 | self.data[self.at >> 3] >> (7 - (self.at & 7)) & 1
            self.at += 1
        return value

    def ue(self):
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 31:
                raise ProtocolError("H.264 header holds an invalid Exp-Golomb code")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self):
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def _skip_scaling_list(bits, size):
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def picture_order(sps):
    bits = Bits(sps[1:])
    profile = bits.u(8)
    bits.u(16)                                           # constraints, level
    bits.ue()
    if profile in HIGH_PROFILES:
        chroma = bits.ue()
        if chroma == 3:
            bits.u(1)
        bits.ue(), bits.ue(), bits.u(1)                  # bit depths, lossless flag
        if bits.u(1):
            for index in range(12 if chroma == 3 else 8):
                if bits.u(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    frame_number_bits, kind, count_bits = bits.ue() + 4, bits.ue(), 0
    if kind == 0:
        count_bits = bits.ue() + 4
    elif kind == 1:
        bits.u(1), bits.se(), bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue(), bits.u(1), bits.ue(), bits.ue()           # reference frames, gaps, width, height
    return PictureOrder(kind, bool(bits.u(1)), frame_number_bits, count_bits)


def picture_order_count(slice_nal, order):
    """The low bits of a slice's picture order count (7.3.3)."""
    bits = Bits(slice_nal[1:1 + SLICE_START])
    bits.ue(), bits.ue(), bits.ue()                      # first macroblock, type, PPS
    bits.u(order.frame_number_bits)
    if slice_nal[0] & 31 == NAL_IDR:
        bits.ue()
    return bits.u(order.count_bits)


def decoder_configuration(sps, pps):
    """AVCDecoderConfigurationRecord (ISO 14496-15), lengths of four bytes."""
    return (b"\1" + sps[1:4] + b"\xff\xe1" + struct.pack(">H", len(sps)) + sps +
            b"\1" + struct.pack(">H", len(pps)) + pps)


def parameter_sets(configuration):
    """SPS and PPS of a decoder configuration; as with MediaMTX there must be one of each."""
    try:
        if configuration[5] & 31 != 1:
            raise ProtocolError("H.264 decoder configurations with one SPS are supported")
        size = struct.unpack_from(">H", configuration, 6)[0]
        sps, rest = configuration[8:8 + size], configuration[8 + size:]
        if rest[0] != 1:
            raise ProtocolError("H.264 decoder configurations with one PPS are supported")
        pps = rest[3:3 + struct.unpack_from(">H", rest, 1)[0]]
    except (IndexError, struct.error):
        raise ProtocolError("H.264 decoder configuration is cut off") from None
    if len(sps) < 4 or not pps:
        raise ProtocolError("H.264 decoder configuration holds no parameter sets")
    return sps, pps


def split_nals(sample):
    """NAL units of a sample whose units have a four byte length in front."""
    nals, offset = [], 0
    while offset + 4 <= len(sample):
        size = struct.unpack_from(">I", sample, offset)[0]
        if offset + 4 + size > len(sample):
            raise ProtocolError("H.264 NAL unit is longer than its message")
        nals.append(sample[offset + 4:offset + 4 + size])
        offset += 4 + size
    return [n for n in nals if n]


def join_nals(nals):
    return b"".join(struct.pack(">I", len(n)) + n for n in nals)


def is_key(nals):
    return any(n[0] & 31 == NAL_IDR for n in nals)


def remux(nals, sps, pps):
    """An access unit as MediaMTX hands it on: own parameter sets and delimiters go, the track's sets lead each IDR picture."""
    kept = [n for n in nals if n[0] & 31 not in (NAL_SPS, NAL_PPS, NAL_AUD)]
    return [sps, pps] + kept if sps and pps and is_key(kept) else kept
