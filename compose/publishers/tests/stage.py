"""Runs every publisher once, side by side, each with its readers; tests look at what became of them."""

import itertools
import os
import subprocess
from dataclasses import dataclass, field
from typing import Callable

from . import media, rtmp

IMAGE = os.environ.get("PUBLISHERS_IMAGE") or "e2e-publishers:local"
_number = itertools.count()
#: From a file in /clips to its H.264 and its sound, in real time: rtmp2sink does not wait for the clock by itself.
_DEMUX = "filesrc location=/clips/{clip} ! qtdemux name=file"
_PICTURES = "file.video_0 ! queue ! h264parse ! clocksync !"
_AAC = "file.audio_0 ! queue ! aacparse ! clocksync !"
_NO_LATM = {"GST_PLUGIN_FEATURE_RANK": "rtpmp4apay:NONE"}


@dataclass
class Outcome:
    """What one publisher and its readers left."""

    tracks: list = field(default_factory=list)      # as the control API names them
    source: str = ""                                # type of the source, as the control API names it
    exit: object = None                             # 0, an exit code, or the error that ended the publisher
    complaint: str = ""                             # what the publisher wrote
    readers: dict = field(default_factory=dict)     # protocol: list of media.Track, bytes, RTMP messages; or the error


@dataclass
class Case:
    """`publish` is given the clip's path and the stream's address, and returns an exit code and what was written."""

    clip: str
    protocol: str
    publish: Callable
    pictures: str = "h264"
    readers: tuple = ("rtsp", "rtmp")
    #: rtspclientsink of GStreamer 1.22 may lose the end of one of its streams on a busy machine (7 of 220 runs): all
    #: packets are sent, the other stream says goodbye, gst-launch-1.0 waits for ever. A second run must do.
    may_stall: bool = False


def ffmpeg(*options):
    """ffmpeg in real time; small packets, as a camera sends them."""

    def publish(clip, url):
        rtsp = ["-f", "rtsp", "-rtsp_transport", "tcp", "-muxdelay", "0.03"]
        form = rtsp if url.startswith("rtsp") else ["-f", "flv"]
        return _run(["ffmpeg", "-v", "error", "-re", "-i", clip, "-map", "0", "-c", "copy", *options, *form, url])

    return publish


def gstreamer(pipeline, environment=()):
    """gst-launch-1.0 in its image. `{url}` and `{clip}` are filled in."""

    def publish(clip, url):
        text = pipeline.format(url=url, clip=os.path.basename(clip))
        clips = f"{os.path.dirname(clip)}:/clips:ro"
        variables = [f"--env={name}={value}" for name, value in dict(environment).items()]
        container = f"e2e-publisher-{os.getpid()}-{next(_number)}"
        try:
            return _run(["docker", "run", "--rm", "--name", container, "--network", "host", "--volume", clips,
                         *variables, IMAGE, "gst-launch-1.0", "-q", *text.split()])
        except subprocess.TimeoutExpired:
            # Only the client was killed.
            subprocess.run(["docker", "rm", "--force", container], capture_output=True, timeout=media.DEADLINE_S)
            raise

    return publish


def obs(clip, url):
    streams, packets = media.packets_of(clip)
    publisher = rtmp.Publisher(url, streams)
    with publisher:
        publisher.publish(packets)
    return 0, ""


def _run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=media.DEADLINE_S)
    return done.returncode, done.stderr


def _rtsp_sink(*streams):
    """rtspclientsink over TCP with these streams linked to it."""
    sinks = (f"{stream} out.sink_{number}" for number, stream in enumerate(streams))
    return " ".join([_DEMUX, "rtspclientsink name=out protocols=tcp location={url}", *sinks])


CASES = {
    # AAC goes as LATM, whose payloader is the first by name among equals.
    "gst-rtspclientsink": Case("reordered.mp4", "rtsp", gstreamer(_rtsp_sink(_PICTURES, _AAC)), may_stall=True),
    "gst-aac-hbr": Case("plain.mp4", "rtsp", gstreamer(_rtsp_sink(_PICTURES, _AAC), _NO_LATM), may_stall=True),
    "gst-extended": Case("plain.mp4", "rtsp", gstreamer(_rtsp_sink(_PICTURES, _AAC)), readers=("rtsp", "play"),
                         may_stall=True),
    "gst-rtmp2sink": Case("reordered.mp4", "rtmp", gstreamer(
        f"{_DEMUX} flvmux name=out streamable=true ! rtmp2sink location={{url}} {_PICTURES} out. {_AAC} out.")),
    "gst-camera": Case("camera.mov", "rtsp", gstreamer(_rtsp_sink(_PICTURES, "file.audio_0 ! queue ! clocksync !")),
                       readers=("rtsp", "rtmp", "rtmp-alaw"), may_stall=True),
    "obs-two-voices": Case("two-voices.mp4", "rtmp", obs, readers=("rtsp", "rtmp", "play")),
    "obs-hevc": Case("hevc.mp4", "rtmp", obs, "hevc", readers=("rtsp", "play", "play-plain")),
    # ffmpeg 5.1 cannot read AV1 over RTSP.
    "obs-av1": Case("av1.mp4", "rtmp", obs, "av1", readers=("play", "play-plain")),
    "camera": Case("camera.mov", "rtsp", ffmpeg(), readers=("rtsp", "rtmp", "rtmp-alaw")),
    "camera-rtmp": Case("camera.mov", "rtmp", ffmpeg(), readers=("rtsp", "rtmp", "rtmp-alaw")),
    "silent-camera": Case("silent-camera.mp4", "rtsp", ffmpeg()),
    "silent-camera-rtmp": Case("silent-camera.mp4", "rtmp", ffmpeg()),
}


def path_of(name):
    return f"live/{name}/in"


def run(server, clips, pool, cases):
    """`cases`: by name. Returns their outcomes by name."""
    jobs = {name: pool.submit(_run_case, server, clips, pool, name, case) for name, case in cases.items()}
    return {name: job.result() for name, job in jobs.items()}


def _run_case(server, clips, pool, name, case):
    outcome = _attempt(server, clips, pool, name, case)
    if case.may_stall and isinstance(outcome.exit, subprocess.TimeoutExpired):
        print(f"{name} did not see its own end and was killed: once more")
        outcome = _attempt(server, clips, pool, name + "-again", case)
    return outcome


def _attempt(server, clips, pool, name, case):
    outcome, path = Outcome(), path_of(name)
    publishing = pool.submit(case.publish, clips.path(case.clip), server.url(case.protocol, path))
    try:
        item = server.until(f"{path} can be read", lambda: publishing.done() or server.ready(path))
        if item is True:
            raise AssertionError(f"the publisher of {path} ended before it could be read")
        outcome.tracks, outcome.source = item["tracks"], item["source"]["type"]
        reading = {kind: pool.submit(_read, server, kind, path, case.pictures) for kind in case.readers}
        for kind, job in reading.items():
            try:
                outcome.readers[kind] = job.result()
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                outcome.readers[kind] = error
    except AssertionError as error:
        outcome.readers = {kind: error for kind in case.readers}
    try:
        outcome.exit, outcome.complaint = publishing.result()
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        outcome.exit = error
    return outcome


def _read(server, kind, path, pictures):
    protocol = "rtsp" if kind == "rtsp" else "rtmp"
    url = server.url(protocol, path)
    if kind.startswith("play"):
        return rtmp.play(url, () if kind == "play-plain" else rtmp.EVERY_FOURCC)
    if kind == "rtmp-alaw":
        return media.run("ffmpeg", "-v", "error", "-i", url, "-map", "0:a", "-c", "copy", "-f", "alaw", "-")
    return media.tracks_of(url, pictures, ["-rtsp_transport", "tcp"] if kind == "rtsp" else [])
