"""The few things about H.264 that a relay must know: parameter sets, frame rate, reorder depth."""
import struct
from dataclasses import dataclass

from .errors import ProtocolError

NAL_IDR, NAL_SPS, NAL_PPS, NAL_AUD, STAP_A, FU_A = 5, 7, 8, 9, 24, 28
BASELINE = 66
# Profiles whose SPS carries chroma format and scaling lists (H.264 7.3.2.1.1).
HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
# Encoders that say nothing about reordering hardly ever exceed B-pyramid's depth.
UNSTATED_REORDER_DEPTH = 2


@dataclass(frozen=True)
class SequenceParameters:
    profile: int
    width: int
    height: int
    frame_duration: float | None        # seconds
    reorder_depth: int                  # frames that may come before a frame in decoding and after it in display


class _Bits:
    def __init__(self, nal):
        self.data = nal.replace(b"\0\0\3", b"\0\0")      # emulation prevention, 7.4.1
        self.at = 0

    def u(self, count):
        value = 0
        for _ in range(count):
            if self.at >= 8 * len(self.data):
                raise ProtocolError("SPS is cut off")
            value = value << 1 | self.data[self.at >> 3] >> (7 - (self.at & 7)) & 1
            self.at += 1
        return value

    def ue(self):
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 31:
                raise ProtocolError("SPS holds an invalid Exp-Golomb code")
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


def parse_sps(nal):
    bits = _Bits(nal[1:])
    profile = bits.u(8)
    bits.u(16)                                           # constraints, level
    bits.ue()
    chroma = 1
    if profile in HIGH_PROFILES:
        chroma = bits.ue()
        if chroma == 3:
            bits.u(1)
        bits.ue(), bits.ue(), bits.u(1)                  # bit depths, lossless flag
        if bits.u(1):
            for index in range(12 if chroma == 3 else 8):
                if bits.u(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.u(1), bits.se(), bits.se()
        cycle = bits.ue()
        if cycle > 255:
            raise ProtocolError("SPS holds an impossible picture order cycle")
        for _ in range(cycle):
            bits.se()
    bits.ue(), bits.u(1)
    width, map_units = 16 * (bits.ue() + 1), bits.ue() + 1
    frames_only = bits.u(1)
    height = 16 * map_units * (2 - frames_only)
    if not frames_only:
        bits.u(1)
    bits.u(1)
    if bits.u(1):
        left, right, top, bottom = (bits.ue() for _ in range(4))
        unit_x = 2 if chroma in (1, 2) else 1
        unit_y = (2 if chroma == 1 else 1) * (2 - frames_only)
        width, height = width - unit_x * (left + right), height - unit_y * (top + bottom)
    # Picture order type 2 means that output order is decoding order (8.2.1.3).
    unstated = 0 if profile == BASELINE or order == 2 else UNSTATED_REORDER_DEPTH
    duration, depth = _parse_vui(bits, unstated) if bits.u(1) else (None, unstated)
    return SequenceParameters(profile, width, height, duration, depth)


def _skip_hrd(bits):
    count = bits.ue() + 1
    bits.u(8)
    for _ in range(min(count, 32)):
        bits.ue(), bits.ue(), bits.u(1)
    bits.u(20)


def _parse_vui(bits, depth):
    duration = None
    if bits.u(1) and bits.u(8) == 255:                   # aspect ratio
        bits.u(32)
    if bits.u(1):                                        # overscan
        bits.u(1)
    if bits.u(1):                                        # video signal type
        bits.u(4)
        if bits.u(1):
            bits.u(24)
    if bits.u(1):                                        # chroma location
        bits.ue(), bits.ue()
    if bits.u(1):                                        # timing
        ticks, scale = bits.u(32), bits.u(32)
        bits.u(1)
        if scale and 1 / 240 <= 2 * ticks / scale <= 1 / 4:
            duration = 2 * ticks / scale
    nal_hrd = bits.u(1)
    if nal_hrd:
        _skip_hrd(bits)
    vcl_hrd = bits.u(1)
    if vcl_hrd:
        _skip_hrd(bits)
    if nal_hrd or vcl_hrd:
        bits.u(1)
    bits.u(1)                                            # picture structure
    if bits.u(1):                                        # bitstream restriction
        bits.u(1)
        for _ in range(4):
            bits.ue()
        depth = min(bits.ue(), 16)
    return duration, depth


def decoder_configuration(sps, pps):
    """AVCDecoderConfigurationRecord (ISO 14496-15 5.2.4.1) for one SPS and one PPS."""
    return (b"\x01" + sps[1:4] + b"\xff\xe1" + struct.pack(">H", len(sps)) + sps +
            b"\x01" + struct.pack(">H", len(pps)) + pps)


def parameter_sets(configuration):
    """The first SPS and PPS of an AVCDecoderConfigurationRecord."""
    try:
        if configuration[4] & 3 != 3:
            raise ProtocolError("only NAL lengths of four bytes are supported")
        size = struct.unpack_from(">H", configuration, 6)[0]
        sps, rest = configuration[8:8 + size], configuration[8 + size:]
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
