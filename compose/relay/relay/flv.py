"""FLV tag bodies, which are also RTMP's audio, video and data messages (Adobe FLV 10.1, annex E)."""
from dataclasses import dataclass

from . import amf

AUDIO, VIDEO, DATA = 8, 9, 18
AVC, AAC = 7, 10


@dataclass(frozen=True)
class Tag:
    kind: int
    time: int                           # ms
    body: bytes

    @property
    def is_configuration(self):
        if self.kind == VIDEO:
            return len(self.body) > 1 and self.body[0] & 15 == AVC and self.body[1] == 0
        return self.kind == AUDIO and len(self.body) > 1 and self.body[0] >> 4 == AAC and self.body[1] == 0

    @property
    def is_key_frame(self):
        return self.kind == VIDEO and len(self.body) > 0 and self.body[0] >> 4 == 1 and not self.is_configuration


def video_configuration(record):
    return b"\x17\0\0\0\0" + record


def audio_configuration(config):
    return b"\xaf\0" + config


def video_frame(sample, key, composition):
    """`composition`: display time minus decoding time, ms."""
    return bytes([0x17 if key else 0x27, 1]) + (composition & 0xFFFFFF).to_bytes(3, "big") + sample


def audio_frame(sample):
    return b"\xaf\x01" + sample


def composition_offset(body):
    return (int.from_bytes(body[2:5], "big") ^ 0x800000) - 0x800000


def metadata(width=None, height=None, frame_rate=None, sample_rate=None, channels=None):
    """An onMetaData message: readers that get one need not guess which tracks there will be."""
    values = {}
    if width:
        values.update(width=width, height=height, videocodecid=AVC)
        if frame_rate:
            values["framerate"] = frame_rate
    if sample_rate:
        values.update(audiocodecid=AAC, audiosamplerate=sample_rate, audiosamplesize=16, stereo=channels == 2)
    return amf.encode("onMetaData", values)
