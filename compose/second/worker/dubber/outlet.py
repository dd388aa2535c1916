"""Publishes one stream: sound that is encoded here under pictures that are encoded already."""

import asyncio
from collections import deque

from .gst import Gst, buffer, when_ended
from .intake import Picture
from .settings import Settings
from .sound import RATE, WIDTH

#: libavcodec's AAC encoder puts this many samples of its own before the first.
_DELAY = 1024
_SOUND = "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2"
_HEAD = "flvmux name=mux streamable=true ! rtmp2sink name=sink sync=true"
_AUDIO = "appsrc name=audio format=time max-bytes=0 ! audioconvert ! avenc_aac bitrate=128000 ! aacparse ! mux.audio"
_VIDEO = "appsrc name=video format=time max-bytes=0 ! mux.video"


class Outlet:
    """Times are the input's; the output's begin with the key frame before the first fragment. Paced in real time by its sink."""

    def __init__(self, settings: Settings, path: str):
        self._settings, self._path = settings, path
        self._pictures: deque[Picture] = deque()
        self._pipeline: Gst.Pipeline | None = None
        self._zero_s = 0.0  # of the input
        self._until_s = 0.0  # of the input: what has been played
        self._position = 0  # samples pushed, from the output's zero
        self._ended: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def add(self, picture: Picture) -> None:
        self._pictures.append(picture)
        self._push_pictures()

    def play(self, pcm: bytes, start_s: float, length_s: float) -> None:
        """Sound from `start_s` on, and the pictures up to its end."""
        if self._pipeline is None:
            self._begin(start_s)
            self._open()
        begin = round((start_s - self._zero_s) * RATE)
        if begin > self._position + RATE // 100:
            self._sound(bytes((begin - self._position) * WIDTH))
        self._sound(pcm)
        self._until_s = start_s + length_s
        self._push_pictures()

    async def close(self, patience_s: float) -> str | None:
        """Returns when all has been sent, with what went wrong or None."""
        if self._pipeline is None:
            return None
        for name in ("audio", "video"):
            if (source := self._pipeline.get_by_name(name)) is not None:
                source.emit("end-of-stream")
        try:
            return await asyncio.wait_for(self._ended, patience_s)
        except asyncio.TimeoutError:
            return f"not all was sent within {patience_s:g} s"
        finally:
            await self.stop()

    @property
    def error(self) -> str | None:
        return self._ended.result() if self._ended.done() else None

    async def stop(self) -> None:
        if self._pipeline is not None:
            await asyncio.to_thread(self._pipeline.set_state, Gst.State.NULL)

    def _begin(self, start_s: float) -> None:
        """What came long before, such as an encoder's first packet, is no reason to begin with a pause."""
        keys = [picture.at_s for picture in self._pictures if picture.is_key]
        self._zero_s = max((at for at in keys if at <= start_s), default=start_s)
        while self._pictures and (self._pictures[0].at_s < self._zero_s or not self._pictures[0].is_key):
            self._pictures.popleft()

    def _open(self) -> None:
        parts = [_HEAD, _AUDIO] + ([_VIDEO] if self._pictures else [])
        self._pipeline = Gst.parse_launch(" ".join(parts))
        sink = self._pipeline.get_by_name("sink")
        sink.set_property("location", f"{self._settings.rtmp_url}/{self._path}")
        sink.set_property("ts-offset", self._settings.margin_ms * Gst.MSECOND)
        self._pipeline.get_by_name("audio").set_property("caps", Gst.Caps.from_string(_SOUND))
        if self._pictures:
            self._pipeline.get_by_name("video").set_property("caps", Gst.Caps.from_string(self._pictures[0].caps))
        when_ended(self._pipeline, asyncio.get_running_loop(), self._end)
        self._pipeline.set_state(Gst.State.PLAYING)

    def _end(self, problem: str | None) -> None:
        if not self._ended.done():
            self._ended.set_result(problem)

    def _sound(self, pcm: bytes) -> None:
        at = self._position
        self._position += len(pcm) // WIDTH
        if at < _DELAY:
            # What is taken away here is what the encoder puts before it: every sample stays at its time.
            pcm, at = pcm[(_DELAY - at) * WIDTH :], _DELAY
        if pcm:
            made = buffer(pcm, (at - _DELAY) / RATE, len(pcm) / WIDTH / RATE)
            self._pipeline.get_by_name("audio").emit("push-buffer", made)

    def _push_pictures(self) -> None:
        if self._pipeline is None or (source := self._pipeline.get_by_name("video")) is None:
            return
        while self._pictures and self._pictures[0].at_s < self._until_s:
            picture = self._pictures.popleft()
            made = buffer(picture.data, picture.at_s - self._zero_s, 1 / self._settings.fps, not picture.is_key)
            source.emit("push-buffer", made)
