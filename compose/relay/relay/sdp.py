"""Session descriptions (RFC 8866), as far as RTSP publishers and readers of H.264 and AAC need them."""
import base64
import binascii
import re
from dataclasses import dataclass

from .errors import ProtocolError

MAX_TRACKS = 16
SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350]
H264, AAC = "H264", "MPEG4-GENERIC"
LABELS = {AAC: "MPEG-4 Audio", "H265": "H265", "OPUS": "Opus"}      # MediaMTX's names


@dataclass
class Track:
    codec: str
    clock: int                          # Hz
    control: str
    sps: bytes | None = None
    pps: bytes | None = None
    audio_config: bytes | None = None   # AudioSpecificConfig
    convertible: bool = True            # known to RTMP's side

    @property
    def label(self):
        return LABELS.get(self.codec, self.codec)


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
    mapping = re.search(r"(?m)^a=rtpmap:\d+ ([\w.-]+)/(\d+)", section)
    control = re.search(r"(?m)^a=control:(\S+)", section)
    track = Track(codec=mapping[1].upper() if mapping else "unknown", clock=int(mapping[2]) if mapping else 90000,
                  control=control[1].rsplit("/", 1)[-1] if control else f"streamid={index}")
    if not 1000 <= track.clock <= 1_000_000:
        raise ProtocolError(f"session description with a clock of {track.clock} Hz")
    parameters = _format_parameters(section)
    try:
        if track.codec == H264:
            sets = [base64.b64decode(s) for s in parameters.get("sprop-parameter-sets", "").split(",") if s]
            if len(sets) >= 2 and len(sets[0]) >= 4 and sets[1]:
                track.sps, track.pps = sets[0], sets[1]
        elif track.codec == AAC:
            track.audio_config = bytes.fromhex(parameters.get("config", ""))
            audio_parameters(track.audio_config)
            # RFC 3640 leaves these widths open; "AAC-hbr", which every encoder uses, has 13/3/3.
            track.convertible = parameters.get("sizelength", "13") == "13" and parameters.get("indexlength", "3") == "3"
        else:
            track.convertible = False
    except (binascii.Error, ValueError):
        raise ProtocolError(f"session description with a damaged {track.codec} format line") from None
    return track


def describe(tracks):
    """A session description for RTSP readers; the counterpart of `parse`."""
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=relay", "c=IN IP4 0.0.0.0", "t=0 0"]
    for track in tracks:
        if track.codec == H264:
            sets = ",".join(base64.b64encode(s).decode() for s in (track.sps, track.pps))
            lines += ["m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000",
                      f"a=fmtp:96 packetization-mode=1; sprop-parameter-sets={sets}; "
                      f"profile-level-id={track.sps[1:4].hex().upper()}"]
        else:
            _, channels = audio_parameters(track.audio_config)
            lines += ["m=audio 0 RTP/AVP 97", f"a=rtpmap:97 mpeg4-generic/{track.clock}/{channels}",
                      "a=fmtp:97 profile-level-id=1; mode=AAC-hbr; sizelength=13; indexlength=3; "
                      f"indexdeltalength=3; config={track.audio_config.hex()}"]
        lines.append(f"a=control:{track.control}")
    return "\r\n".join(lines) + "\r\n"
