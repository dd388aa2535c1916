"""Reads a stream from the media server: AAC frames as they are, the picture decoded, scaled and encoded anew."""

import asyncio
from dataclasses import dataclass
from typing import Callable

from .gst import Gst, when_ended
from .settings import Settings

_PIPELINE = """
rtmp2src name=source timeout=10 ! flvdemux name=demux
demux.audio ! queue max-size-time=0 max-size-bytes=0 max-size-buffers=0 ! aacparse
  ! audio/mpeg,mpegversion=4,stream-format=adts ! appsink name=audio sync=false emit-signals=true
demux.video ! queue max-size-time=0 max-size-bytes=0 max-size-buffers=0 ! h264parse ! avdec_h264 ! videoconvert ! videoscale
  ! videorate skip-to-first=true ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1
  ! x264enc tune=zerolatency speed-preset=ultrafast bframes=0 key-int-max={group} bitrate=1200 threads=1
  ! video/x-h264,profile=constrained-baseline,stream-format=avc,alignment=au
  ! appsink name=video sync=false emit-signals=true
"""


@dataclass(frozen=True)
class AudioFrame:
    data: bytes  # with its ADTS header
    at_s: float
    rate: int
    channels: int


@dataclass(frozen=True)
class Picture:
    data: bytes
    at_s: float
    is_key: bool
    caps: str


class Intake:
    """The callbacks run in the event loop; `ended` once, with what went wrong or None."""

    def __init__(
        self,
        settings: Settings,
        path: str,
        on_audio: Callable[[AudioFrame], None],
        on_picture: Callable[[Picture], None],
        ended: Callable[[str | None], None],
    ):
        self._loop = asyncio.get_running_loop()
        self._on_audio, self._on_picture, self._ended = on_audio, on_picture, ended
        self._pipeline = Gst.parse_launch(
            _PIPELINE.format(width=settings.width, height=settings.height, fps=settings.fps, group=2 * settings.fps)
        )
        self._pipeline.get_by_name("source").set_property("location", f"{settings.rtmp_url}/{path}")
        audio, video = self._pipeline.get_by_name("audio"), self._pipeline.get_by_name("video")
        audio.connect("new-sample", self._audio)
        # Of the sound alone: a stream without a picture never ends on the other side.
        audio.connect("eos", lambda _: self._call(self._ended, None))
        video.connect("new-sample", self._video)
        when_ended(self._pipeline, self._loop, ended)

    def start(self) -> None:
        self._pipeline.set_state(Gst.State.PLAYING)

    async def stop(self) -> None:
        # In a thread: it waits for the streaming threads, which may wait for the network.
        await asyncio.to_thread(self._pipeline.set_state, Gst.State.NULL)

    def _audio(self, sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        found = sample.get_buffer()
        caps = sample.get_caps().get_structure(0)
        frame = AudioFrame(
            found.extract_dup(0, found.get_size()), _time(sample), caps.get_int("rate")[1], caps.get_int("channels")[1]
        )
        self._call(self._on_audio, frame)
        return Gst.FlowReturn.OK

    def _video(self, sink: Gst.Element) -> Gst.FlowReturn:
        sample = sink.emit("pull-sample")
        found = sample.get_buffer()
        is_key = not found.has_flags(Gst.BufferFlags.DELTA_UNIT)
        picture = Picture(found.extract_dup(0, found.get_size()), _time(sample), is_key, sample.get_caps().to_string())
        self._call(self._on_picture, picture)
        return Gst.FlowReturn.OK

    def _call(self, what: Callable, argument: object) -> None:
        try:
            self._loop.call_soon_threadsafe(what, argument)
        except RuntimeError:
            pass  # the loop has ended, and this thread is about to


def _time(sample: Gst.Sample) -> float:
    """Running time: x264enc's own timestamps begin a thousand hours after the input's."""
    return sample.get_segment().to_running_time(Gst.Format.TIME, sample.get_buffer().pts) / Gst.SECOND
