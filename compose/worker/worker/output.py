"""The published side of one stream: encodes, interleaves, paces, writes."""

import asyncio
import logging
import time
from collections import deque

from . import flv
from .audio import AAC_FRAME, AacEncoder
from .interleave import Interleaver, OutputPacket
from .metrics import Metrics
from .readers import PathReaders
from .rtmp import PublishError, RtmpPublisher
from .segmenter import Fragment
from .settings import BYTES_PER_SAMPLE, OUTPUT_CHANNELS, OUTPUT_RATE, Settings
from .source import StreamInfo, VideoPacket
from .timeline import OutputClock

_WRITE_TIMEOUT_S = 10.0
#: MediaMTX closes a publisher of which it reads nothing for 10 s.
_KEEP_ALIVE_S = 2.0
#: MediaMTX looks for tracks in the first 2 s of stream time, and has no path for readers before that.
_ANALYSIS_MS = 2_000
#: A lost connection is opened anew after these pauses (s); then the output is given up.
_PAUSES_S = (0.2, 1.0, 3.0)
_SLICE_FRAMES = 8


class Output:
    """Video goes in as it arrives and audio as fragments are ready; `run` publishes until `finish` was called."""

    def __init__(self, url: str, info: StreamInfo, settings: Settings, metrics: Metrics, log: logging.LoggerAdapter):
        self._info, self._settings, self._metrics, self._log = info, settings, metrics, log
        self._url = url
        self._readers = PathReaders(settings.media_api_url, url)
        self._interleaver = Interleaver()
        self._clock = OutputClock(settings.segment_seconds, settings.output_margin_ms / 1000)
        self._encoder = AacEncoder(info.audio_start)
        self._first_ms = round(info.first_timestamp_s * 1000)
        self._offset = round(settings.av_offset_ms / 1000 * OUTPUT_RATE)
        self._to_drop = max(0, -self._offset)
        self._starts: deque[int] = deque()  # of fragments whose first sample is not encoded yet
        self._next: OutputPacket | None = None
        self._written = 0
        self._started = False
        self._finished = False
        self._wake = asyncio.Event()

    @property
    def buffered_s(self) -> float:
        return self._interleaver.buffered_s

    def add_video(self, packet: VideoPacket) -> None:
        self._clock.observe(packet.dts_ms / 1000, time.monotonic())
        body = flv.video_body(packet.payload, packet.is_key, packet.pts_ms - packet.dts_ms)
        self._interleaver.push_video(OutputPacket(flv.VIDEO, packet.dts_ms, body))
        self._wake.set()

    def heard(self, fragment: Fragment) -> None:
        """A fragment has been read: the clock of a stream without video."""
        self._clock.observe(fragment.end_s, time.monotonic())

    async def add_audio(self, fragment: Fragment, pcm: bytes) -> None:
        """The audio that is heard in the place of this fragment; fragments come in order and touch each other."""
        if not self._started:
            self._started = True
            self._clock.fix(fragment.start_s, fragment.end_s, time.monotonic(), fragment.is_last)
            self._log.info("the output runs %.2f s behind the input", self._clock.latency_s)
            pcm = bytes(max(0, self._offset) * BYTES_PER_SAMPLE) + pcm
        dropped = min(len(pcm), self._to_drop * BYTES_PER_SAMPLE)
        self._to_drop -= dropped // BYTES_PER_SAMPLE
        self._starts.append(fragment.start)
        await self._encode(memoryview(pcm)[dropped:])

    async def _encode(self, pcm: memoryview) -> None:
        """In slices of some milliseconds between which the other streams have their turn.

        Not in a thread: the work is small (0.22 s of CPU for 6 s of sound) and holds the interpreter's lock for most
        of it, so that a thread would only fight for the lock with the loop.
        """
        size = _SLICE_FRAMES * AAC_FRAME * BYTES_PER_SAMPLE
        for at in range(0, len(pcm), size):
            self._push(self._encoder.feed(pcm[at : at + size]), self._encoder.position * 1000 / OUTPUT_RATE)
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """No more video or audio: the rest goes out."""
        if self._started:
            await self._encode(memoryview(bytes(max(0, -self._offset) * BYTES_PER_SAMPLE)))
            self._push(self._encoder.finish(), float("inf"))
        self._finished = True
        self._wake.set()

    async def run(self) -> None:
        """Publishes; throws PublishError when the server is lost and cannot be reached again.

        The path is announced at once, a fragment's time before its first packet, so that a reader that needs a second
        to start has the output from its beginning: no server replays it.
        """
        lost = 0
        while True:
            before, publisher = self._written, RtmpPublisher(self._url, _WRITE_TIMEOUT_S)
            try:
                await publisher.connect()
                await self._write_headers(publisher)
                await self._pump(publisher)
                await self._readers.drain()
                return
            except PublishError as error:
                # A connection that carried packets is no failed attempt.
                lost = 1 if self._written > before else lost + 1
                if lost > len(_PAUSES_S):
                    raise
                self._log.warning("the output was lost: %s; it goes on with the next packet", error)
            finally:
                await publisher.close()
            await asyncio.sleep(_PAUSES_S[lost - 1])

    async def _pump(self, publisher: RtmpPublisher) -> None:
        """Writes packets when they are due, until the last; a packet that could not be written is kept."""
        last_write = time.monotonic()
        while True:
            self._next = self._next or self._interleaver.pop()
            if self._next is not None:
                delay = self._clock.due(self._next.dts_ms / 1000) - time.monotonic()
                if delay > 0:
                    await asyncio.sleep(delay)
                await publisher.write(self._next.kind, self._next.dts_ms, self._next.body)
                self._next, self._written, last_write = None, self._written + 1, time.monotonic()
                continue
            if self._finished:
                return
            if time.monotonic() - last_write > _KEEP_ALIVE_S:
                await publisher.keep_alive()
                last_write = time.monotonic()
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), _KEEP_ALIVE_S)
            except asyncio.TimeoutError:
                pass

    async def _write_headers(self, publisher: RtmpPublisher) -> None:
        info = self._info
        fields = {
            "duration": 0.0,
            "audiocodecid": 10.0,
            "audiosamplerate": float(OUTPUT_RATE),
            "audiosamplesize": 16.0,
            "stereo": OUTPUT_CHANNELS == 2,
            "audiodatarate": 128.0,
        }
        if info.avcc is not None:
            fields |= {"videocodecid": 7.0, "width": float(info.width), "height": float(info.height)}
            if info.frame_rate:
                fields["framerate"] = info.frame_rate
        await publisher.write_metadata(fields)
        first = max(0, self._first_ms if self._next is None else self._next.dts_ms)
        if info.avcc is not None:
            await publisher.write(flv.VIDEO, first, flv.video_header(info.avcc))
        header = flv.audio_header(self._encoder.config)
        await publisher.write(flv.AUDIO, first, header)
        # Both tracks are known now. MediaMTX does not know that these are all, and would look on for 2 s of stream time:
        # the path would exist only when the first 2 s have gone by, and a publisher that has not sent them 10 s after it
        # connected is closed. The same header again, dated behind those 2 s, ends that at once and changes nothing.
        await publisher.write(flv.AUDIO, first + _ANALYSIS_MS, header)

    def _push(self, packets: list[tuple[int, bytes]], until_ms: float) -> None:
        out = []
        for position, payload in packets:
            exact_ms = position * 1000 / OUTPUT_RATE
            stamp = round(exact_ms)
            # Before the first: the encoder's delay, or the silence before a stream whose timestamps start above 0.
            if stamp >= self._first_ms:
                out.append(OutputPacket(flv.AUDIO, stamp, flv.audio_body(payload)))
            while self._starts and self._starts[0] < position + AAC_FRAME:
                # How far the fragment's first sample is published from its place beside the video.
                self._metrics.av_sync_delta.observe(abs(stamp - exact_ms + self._offset * 1000 / OUTPUT_RATE))
                self._starts.popleft()
        self._interleaver.push_audio(out, until_ms)
        self._wake.set()
