"""H.264 and AAC as small as they can be, and the messages that carry them."""
from relay import flv, sdp

PPS = bytes.fromhex("68ebe3cb22c0")
AUDIO_CONFIG = bytes.fromhex("1190")    # AAC-LC, 48 kHz, stereo
SEI, DELIMITER = b"\x06\x05\x01\x00\x80", b"\x09\xf0"


class BitWriter:
    """Writes the SPS that the parser reads back."""

    def __init__(self):
        self.bits = ""

    def u(self, value, count):
        self.bits += format(value, f"0{count}b")
        return self

    def ue(self, *values):
        for value in values:
            text = format(value + 1, "b")
            self.bits += "0" * (len(text) - 1) + text
        return self

    def nal(self, header):
        bits = self.bits + "1"
        bits += "0" * (-len(bits) % 8)
        raw = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        escaped, zeros = bytearray(), 0
        for byte in raw:
            if zeros == 2 and byte < 4:
                escaped.append(3)
                zeros = 0
            escaped.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return bytes([header]) + bytes(escaped)


def sps(profile=66, order=2, frames_only=1, width=40):
    """640x360 unless `width`, in macroblocks, is another; frame numbers of 4 bits, picture order counts of 6."""
    writer = BitWriter().u(profile, 8).u(0, 8).u(30, 8).ue(0)
    if profile >= 100:
        writer.ue(1, 0, 0).u(0, 2)
    writer.ue(0, order)
    if order == 0:
        writer.ue(2)
    elif order == 1:
        writer.u(0, 1).ue(0, 0, 0)
    writer.ue(3).u(0, 1).ue(width - 1, 22).u(frames_only, 1)
    if not frames_only:
        writer.u(0, 1)
    return writer.u(1, 1).u(1, 1).ue(0, 0, 0, 4).u(0, 1).nal(0x67)           # cropped by 8 lines, no VUI


def picture(count, is_key=False, size=20, header=None):
    """A slice whose picture order count is `count`, and then whatever."""
    writer = BitWriter().ue(0, 7, 0).u(0, 4)
    if is_key:
        writer.ue(0)
    return writer.u(count % 64, 6).nal(header or (0x65 if is_key else 0x41)) + bytes(range(1, 251)) * (size // 250 + 1)


SPS = sps()
KEY, INTER = picture(0, True), picture(2)
VIDEO_TRACK = sdp.Track(sdp.H264, 90000, sps=SPS, pps=PPS)
AUDIO_TRACK = sdp.Track(sdp.AAC, 48000, "audio", channels=2, audio_config=AUDIO_CONFIG)
VIDEO_HEADER, AUDIO_HEADER = flv.configuration(VIDEO_TRACK, 0), flv.configuration(AUDIO_TRACK, 0)


def video(*nals, offset=0):
    return flv.video_frame(VIDEO_TRACK, 0, list(nals), offset)


def audio(frame):
    return flv.audio_frame(AUDIO_TRACK, 0, frame)
