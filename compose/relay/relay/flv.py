"""RTMP's audio and video messages: FLV tag bodies (Adobe FLV 10.1, annex E) and enhanced RTMP's (version 2) for several tracks."""
from dataclasses import dataclass

from . import amf, av1, h264, sdp
from .errors import ProtocolError

AUDIO, VIDEO, DATA = 8, 9, 18
AVC, AVC_END, AAC = 7, 2, 10
SOUND_CODECS = {AAC: sdp.AAC, 7: sdp.PCMA, 8: sdp.PCMU}
SOUND_NUMBERS = {codec: number for number, codec in SOUND_CODECS.items()} | {sdp.LATM: AAC}
FOUR_CC = {b"avc1": sdp.H264, b"hvc1": sdp.H265, b"av01": sdp.AV1, b"mp4a": sdp.AAC, b"Opus": sdp.OPUS}
PICTURES = {sdp.H264, sdp.H265, sdp.AV1}
CODEC_CC = {codec: name for name, codec in FOUR_CC.items()} | {sdp.LATM: b"mp4a"}
# Enhanced RTMP's packet types.
START, FRAMES, END, FRAMES_X, METADATA, MULTICHANNEL, AUDIO_MULTITRACK, MULTITRACK = 0, 1, 2, 3, 4, 4, 5, 6


@dataclass(frozen=True)
class Media:
    """What one message says."""
    kind: int                           # AUDIO or VIDEO
    time: int                           # ms
    codec: str
    is_configuration: bool
    payload: bytes
    offset: int = 0                     # display time minus decoding time, ms
    track: int = 0
    is_enhanced: bool = False
    channels: int = 1


def parse(kind, time, body):
    """A message's content; None for what carries no media. Raises for what MediaMTX ends the connection on."""
    if not body:
        raise ProtocolError("RTMP media message without a body")
    if kind == VIDEO:
        return _enhanced(VIDEO, time, body) if body[0] & 0x80 else _video(time, body)
    return _enhanced(AUDIO, time, body) if body[0] >> 4 == 9 else _audio(time, body)


def _video(time, body):
    if len(body) < 5:
        raise ProtocolError("RTMP video message is cut off")
    if body[0] & 15 != AVC or body[1] > AVC_END:
        raise ProtocolError(f"RTMP video of codec {body[0] & 15}, type {body[1]}: H.264 is supported")
    return Media(VIDEO, time, sdp.H264 if body[1] < AVC_END else "", body[1] == 0, body[5:], int.from_bytes(body[2:5], "big"))


def _audio(time, body):
    if len(body) < 2:
        raise ProtocolError("RTMP audio message is cut off")
    codec = SOUND_CODECS.get(body[0] >> 4)
    if codec is None or codec == sdp.AAC and body[1] > 1:
        raise ProtocolError(f"RTMP audio of codec {body[0] >> 4}: AAC and G.711 are supported")
    if codec == sdp.AAC:
        return Media(AUDIO, time, codec, body[1] == 0, body[2:])
    return Media(AUDIO, time, codec, False, body[1:], channels=1 + (body[0] & 1))


def _enhanced(kind, time, body):
    packet, track, multitrack = body[0] & 15, 0, AUDIO_MULTITRACK if kind == AUDIO else MULTITRACK
    name, payload = body[1:5], body[5:]
    if packet == multitrack:
        if len(body) < 7 or body[1] >> 4:
            raise ProtocolError("enhanced RTMP message with several tracks at once, or cut off")
        packet, name, track, payload = body[1] & 15, body[2:6], body[6], body[7:]
    elif len(body) < 5:
        raise ProtocolError("enhanced RTMP message is cut off")
    if packet in (END, METADATA, MULTICHANNEL):
        return None
    codec = FOUR_CC.get(name)
    if codec is None or (codec in PICTURES) != (kind == VIDEO) or packet not in (START, FRAMES, FRAMES_X):
        raise ProtocolError(f"enhanced RTMP packet {packet} of {name!r}: avc1, hvc1, av01, mp4a and Opus are supported")
    offset = 0
    if packet == FRAMES and codec in (sdp.H264, sdp.H265):
        offset, payload = int.from_bytes(payload[:3], "big"), payload[3:]
    return Media(kind, time, codec, packet == START, payload, offset, track, True)


# The other way: bodies for RTMP readers

def configuration(track, number):
    """The message that opens a track, or None if its codec needs none; `number`: the track's among its kind."""
    if track.codec == sdp.H264:
        record = h264.decoder_configuration(track.sps or h264.UNKNOWN_SPS, track.pps or h264.UNKNOWN_PPS)
        return _wrap(VIDEO, START, track, number, record) if number else b"\x17\0\0\0\0" + record
    if track.codec in PICTURES:
        return _wrap(VIDEO, START, track, number, track.record)
    if track.codec in (sdp.AAC, sdp.LATM):
        return _wrap(AUDIO, START, track, number, track.audio_config) if number else b"\xaf\0" + track.audio_config
    if track.codec == sdp.OPUS:
        head = b"OpusHead\1" + bytes([track.channels]) + (3840).to_bytes(2, "big") + bytes(7)
        return _wrap(AUDIO, START, track, number, head)
    if number:
        raise ProtocolError(f"{track.label} can only be the first audio track of an RTMP reader")
    return None


def video_frame(track, number, nals, composition):
    """`composition`: display time minus decoding time, ms."""
    sample = h264.join_nals(nals)
    offset = (composition & 0xFFFFFF).to_bytes(3, "big")
    if number:
        return _wrap(VIDEO, FRAMES, track, number, offset + sample) if composition else _wrap(VIDEO, FRAMES_X, track, number, sample)
    return bytes([0x17 if h264.is_key(nals) else 0x27, 1]) + offset + sample


def enhanced_frame(track, number, units, composition):
    """An H.265 or AV1 picture."""
    if track.codec == sdp.AV1:
        return _wrap(VIDEO, FRAMES_X, track, number, av1.join(units))
    offset = (composition & 0xFFFFFF).to_bytes(3, "big")
    if composition:
        return _wrap(VIDEO, FRAMES, track, number, offset + h264.join_nals(units))
    return _wrap(VIDEO, FRAMES_X, track, number, h264.join_nals(units))


def audio_frame(track, number, sample):
    if track.codec == sdp.OPUS or number:
        return _wrap(AUDIO, FRAMES, track, number, sample)
    if track.codec in (sdp.AAC, sdp.LATM):
        return b"\xaf\x01" + sample
    return bytes([SOUND_NUMBERS[track.codec] << 4 | 2 | (track.channels == 2)]) + sample


def _wrap(kind, packet, track, number, payload):
    first = 0x80 if kind == VIDEO else 0x90
    name = CODEC_CC[track.codec]
    if not number:
        return bytes([first | packet]) + name + payload
    multitrack = MULTITRACK if kind == VIDEO else AUDIO_MULTITRACK
    return bytes([first | multitrack, packet]) + name + bytes([number]) + payload


def metadata(tracks):
    """MediaMTX's onMetaData: the codecs and nothing else; sizes and rates come with the tracks themselves."""
    def number(track):
        if track.codec in CODEC_CC and track.codec not in (sdp.H264, sdp.AAC, sdp.LATM):
            return int.from_bytes(CODEC_CC[track.codec], "big")
        return AVC if track.codec == sdp.H264 else SOUND_NUMBERS[track.codec]

    values, further = {}, {}
    for kind, name in (("video", "video"), ("audio", "audio")):
        numbers = [number(t) for t in tracks if t.kind == kind]
        values[name + "codecid"], values[name + "datarate"] = numbers[0] if numbers else 0, 0
        if numbers[1:]:
            further[name + "TrackIdInfoMap"] = {str(i): {name + "codecid": n, name + "datarate": 0}
                                                for i, n in enumerate(numbers[1:], 2)}
    return amf.encode("@setDataFrame", "onMetaData", {**values, **further})
