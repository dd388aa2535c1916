"""Session descriptions (RFC 8866), as far as RTSP publishers and readers need them."""
import base64
import binascii
import re
from dataclasses import dataclass

from . import latm
from .errors import ProtocolError

MAX_TRACKS = 16
SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350]
H264, H265, AV1, OPUS, PCMA, PCMU = "H264", "H265", "AV1", "OPUS", "PCMA", "PCMU"
AAC, LATM = "MPEG4-GENERIC", "MP4A-LATM"
LABELS = {H264: H264, AAC: "MPEG-4 Audio", LATM: "MPEG-4 Audio LATM", H265: H265, OPUS: "Opus", PCMA: "G711", PCMU: "G711",
          AV1: AV1, "VP8": "VP8", "VP9": "VP9", "MPA": "MPEG-1/2 Audio", "AC3": "AC-3", "G722": "G722"}      # MediaMTX's names
STATIC = {0: (PCMU, 8000), 8: (PCMA, 8000), 9: ("G722", 8000), 14: ("MPA", 90000)}                 # RFC 3551 6


@dataclass
class Track:
    codec: str
    clock: int                          # Hz
    kind: str = "video"                 # the media line's
    control: str = ""
    payload_type: int = 96
    channels: int = 1
    sps: bytes | None = None
    pps: bytes | None = None
    record: bytes | None = None         # decoder configuration of an H.265 or AV1 track that came over RTMP
    audio_config: bytes | None = None   # AudioSpecificConfig
    frame_length_type: int = 0          # of a LATM track; MediaMTX gives RTMP readers none but 0
    size_bits: int = 13                 # widths of RFC 3640's fields
    index_bits: int = 3
    delta_bits: int = 3
    lines: tuple = ()                   # the description of a codec that the relay only hands on

    @property
    def label(self):
        return LABELS.get(self.codec, "Generic")


def audio_parameters(config):
    """Sample rate and channel count of an AudioSpecificConfig (ISO 14496-3 1.6.2.1)."""
    if len(config) < 2:
        raise ProtocolError("AAC configuration is cut off")
    bits = int.from_bytes(config[:2], "big")
    index = bits >> 7 & 15
    if index == 15:
        if len(config) < 5:
            raise ProtocolError("AAC configuration is cut off")
        wide = int.from_bytes(config[:5], "big")
        return wide >> 7 & 0xFFFFFF, wide >> 3 & 15
    if index >= len(SAMPLE_RATES):
        raise ProtocolError(f"AAC configuration names the reserved sample rate {index}")
    return SAMPLE_RATES[index], bits >> 3 & 15


def plain_config(config):
    """An AudioSpecificConfig as MediaMTX writes it again: without what follows AAC-LC's fields (libavcodec adds an extension)."""
    if config[0] >> 3 != 2:
        return config
    return config[:5 if (int.from_bytes(config[:2], "big") >> 7 & 15) == 15 else 2]


def _format_parameters(section):
    match = re.search(r"(?m)^a=fmtp:\d+ (.*)$", section)
    pairs = (p.partition("=") for p in match[1].split(";")) if match else ()
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def parse(text):
    """The tracks of an announced session."""
    tracks = []
    for section in re.split(r"(?m)^m=", text.replace("\r", ""))[1:]:
        tracks.append(_track(section, len(tracks)))
    if not tracks:
        raise ProtocolError("session description without a track")
    if len(tracks) > MAX_TRACKS:
        raise ProtocolError(f"session description with more than {MAX_TRACKS} tracks")
    return tracks


def _track(section, index):
    media = re.match(r"(\w+) \d+ \S+ (\d{1,3})\b", section)
    if not media or int(media[2]) > 127:
        raise ProtocolError(f"session description with the media line {section.splitlines()[:1]}")
    payload_type = int(media[2])
    mapping = re.search(rf"(?m)^a=rtpmap:{payload_type} ([\w.-]+)/(\d+)(?:/(\d+))?", section)
    control = re.search(r"(?m)^a=control:(\S+)", section)
    codec, clock = (mapping[1].upper(), int(mapping[2])) if mapping else STATIC.get(payload_type, ("unknown", 90000))
    if not 1000 <= clock <= 1_000_000:
        raise ProtocolError(f"session description with a clock of {clock} Hz")
    track = Track(codec, clock, media[1], control[1].rsplit("/", 1)[-1] if control else f"streamid={index}", payload_type,
                  int(mapping[3]) if mapping and mapping[3] else 1)
    parameters = _format_parameters(section)
    try:
        if codec == H264:
            sets = [base64.b64decode(s) for s in parameters.get("sprop-parameter-sets", "").split(",") if s]
            if len(sets) >= 2 and len(sets[0]) >= 4 and sets[1]:
                track.sps, track.pps = sets[0], sets[1]
        elif codec == AAC:
            track.audio_config = bytes.fromhex(parameters.get("config", ""))
            audio_parameters(track.audio_config)
            track.audio_config = plain_config(track.audio_config)
            track.size_bits, track.index_bits, track.delta_bits = (
                int(parameters.get(name, width)) for name, width in (("sizelength", 13), ("indexlength", 3),
                                                                     ("indexdeltalength", 3)))
        else:
            if codec == LATM and parameters.get("cpresent") == "0":
                mux = bytes.fromhex(parameters.get("config", ""))
                track.audio_config, track.frame_length_type = latm.configuration(mux)
            track.lines = tuple(re.findall(r"(?m)^a=(?:rtpmap|fmtp):.*$", section))
    except (binascii.Error, ValueError):
        raise ProtocolError(f"session description with a damaged {codec} format line") from None
    return track


def describe(tracks):
    """A session description for RTSP readers; the counterpart of `parse`."""
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=relay", "c=IN IP4 0.0.0.0", "t=0 0"]
    for index, track in enumerate(tracks):
        number = track.payload_type
        lines += [f"m={track.kind} 0 RTP/AVP {number}", f"a=control:{control_of(index)}"]
        if track.codec == H264:
            lines.append(f"a=rtpmap:{number} H264/90000")
            fields = ["packetization-mode=1"]
            if track.sps and track.pps:
                fields += ["sprop-parameter-sets=" + ",".join(base64.b64encode(s).decode() for s in (track.sps, track.pps)),
                           f"profile-level-id={track.sps[1:4].hex().upper()}"]
            lines.append(f"a=fmtp:{number} " + "; ".join(fields))
        elif track.codec == AAC:
            lines += [f"a=rtpmap:{number} mpeg4-generic/{track.clock}/{track.channels}",
                      f"a=fmtp:{number} profile-level-id=1; mode=AAC-hbr; sizelength={track.size_bits}; "
                      f"indexlength={track.index_bits}; indexdeltalength={track.delta_bits}; "
                      f"config={track.audio_config.hex()}"]
        elif track.lines or number in STATIC:
            lines += track.lines
        else:
            lines.append(f"a=rtpmap:{number} {track.codec.lower()}/{track.clock}/{track.channels}")
    return "\r\n".join(lines) + "\r\n"


def control_of(index):
    return f"trackID={index}"
