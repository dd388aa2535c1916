"""Clips to publish, and what a reader got of them."""

import json
import os
import subprocess
from dataclasses import dataclass, field

#: A reader gets its stream within this (s), the publisher's own length included.
DEADLINE_S = 40
_H264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]


def run(*command, timeout=DEADLINE_S):
    done = subprocess.run(command, capture_output=True, timeout=timeout)
    if done.returncode:
        words = done.stderr.decode(errors="replace")[-3000:]
        raise AssertionError(f"{' '.join(command)} ended with {done.returncode}:\n{words}")
    return done.stdout


def make(path, video, audio=(), rate=30, seconds=10):
    """A clip of a moving picture, a key frame each second, and a tone for each element of `audio` (encoder options)."""
    inputs = ["-f", "lavfi", "-i", f"testsrc=size=320x180:rate={rate}"]
    encoders = [*video, "-g", str(rate), "-map", "0:v"]
    for index, options in enumerate(audio):
        inputs += ["-f", "lavfi", "-i", f"sine=frequency={440 * (index + 1)}:sample_rate=48000"]
        encoders += ["-map", f"{index + 1}:a", *options]
    run("ffmpeg", "-v", "error", "-y", *inputs, "-t", str(seconds), *encoders, path)
    return path


def shorten_aac_configuration(source, path):
    """The same packets with an AudioSpecificConfig of two bytes, as most encoders write it; libavcodec's has five."""
    sound = path + ".aac"
    run("ffmpeg", "-v", "error", "-y", "-i", source, "-map", "0:a", "-c", "copy", sound)
    run("ffmpeg", "-v", "error", "-y", "-i", source, "-i", sound, "-map", "0:v", "-map", "1:a", "-c", "copy",
        "-bsf:a", "aac_adtstoasc", path)


_CAMERA = [*_H264, "-profile:v", "baseline", "-bf", "0"]
AAC = ["-c:a", "aac", "-ac", "2"]


class Clips:
    """The clips of all publishers, made side by side in one folder."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_all(self, pool):
        jobs = [
            ("plain.mp4", [*_H264, "-bf", "0"], [AAC], 30),
            ("extended.mp4", [*_H264, "-bf", "2"], [AAC], 30),
            ("two-voices.mp4", [*_H264, "-bf", "2"], [AAC, AAC], 30),
            # As cameras do it: no B-frames, few pictures, a lawful 8 kHz mono track or none.
            ("camera.mov", _CAMERA, [["-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"]], 15),
            ("silent-camera.mp4", _CAMERA, [], 15),
            ("hevc.mp4", ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2",
                          "-tag:v", "hvc1", "-pix_fmt", "yuv420p"], [AAC], 30),
            ("av1.mp4", ["-c:v", "libsvtav1", "-preset", "12", "-b:v", "300k", "-pix_fmt", "yuv420p"], [AAC], 30),
        ]
        done = [pool.submit(make, self.path(name), video, audio, rate) for name, video, audio, rate in jobs]
        for one in done:
            one.result()
        shorten_aac_configuration(self.path("extended.mp4"), self.path("reordered.mp4"))


@dataclass
class Track:
    kind: str
    codec: str
    frames: list = field(default_factory=list)  # hash of each packet, without parameter sets, AUD and SEI
    times: list = field(default_factory=list)   # decoding time of each packet, s


#: What a media server may take out, put in or move: 6 SEI, 7 SPS, 8 PPS, 9 access unit delimiter (H.264, 7.4.1).
_PICTURES_ONLY = {
    "h264": "h264_mp4toannexb,filter_units=remove_types=6-9",
    # 32-35 VPS, SPS, PPS, AUD; 39, 40 SEI (H.265, 7.4.2).
    "hevc": "hevc_mp4toannexb,filter_units=remove_types=32-35|39-40",
}


def tracks_of(source, codecs, options=()):
    """Reads a file or a live stream to its end. `codecs`: of the pictures, h264 or hevc.

    Opened once: a live stream cannot be read again.
    """
    filters = ["-bsf:v", _PICTURES_ONLY[codecs]] if codecs in _PICTURES_ONLY else []
    command = ["ffmpeg", "-v", "error", *options, "-i", source, "-map", "0", "-c", "copy", *filters,
               "-f", "framehash", "-hash", "md5", "-"]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE_S, text=True)
    tracks = parse_hashes(done.stdout)
    if not tracks:
        words = done.stderr[-3000:]
        raise AssertionError(f"{' '.join(command)} got nothing and ended with {done.returncode}:\n{words}")
    return tracks


def parse_hashes(text):
    """The tracks of ffmpeg's framehash output (`#key index: value`, then one line a packet)."""
    tracks, bases = {}, {}
    for line in text.splitlines():
        if line.startswith("#"):
            words = line[1:].replace(":", "").split()
            if words[0] == "tb":
                bases[int(words[1])] = eval_ratio(words[2])
            elif words[0] == "media_type":
                tracks[int(words[1])] = Track(words[2], "")
            elif words[0] == "codec_id":
                tracks[int(words[1])].codec = words[2]
            continue
        stream, dts, _, _, _, digest = [part.strip() for part in line.split(",")[:6]]
        tracks[int(stream)].frames.append(digest)
        tracks[int(stream)].times.append(int(dts) * bases[int(stream)] if dts != "NOPTS" else None)
    return [tracks[index] for index in sorted(tracks)]


def eval_ratio(text):
    over, under = text.split("/")
    return int(over) / int(under)


def packets_of(path):
    """Decoder configuration and packets of each track of a file, as an encoder would hand them to a publisher."""
    options = ["-v", "error", "-show_streams", "-show_packets", "-show_data", "-of", "json"]
    probe = json.loads(run("ffprobe", *options, path))
    streams = [(s["codec_type"], s["codec_name"], _bytes(s.get("extradata", ""))) for s in probe["streams"]]
    packets = [(p["stream_index"], float(p["dts_time"]), float(p["pts_time"]), "K" in p["flags"], _bytes(p["data"]))
               for p in probe["packets"]]
    return streams, packets


def _bytes(dump):
    """ffprobe's hexadecimal dump: an offset, eight groups of two bytes, their text."""
    return b"".join(bytes.fromhex(line[10:50]) for line in dump.splitlines() if line.strip())
