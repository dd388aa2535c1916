"""Reads one live stream in a thread of its own: video packets as they are, audio as fragments."""

import json
import logging
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Callable

import av

from .audio import AudioIntake
from .paths import kept_back
from .segmenter import Fragment, Segmenter
from .settings import OUTPUT_RATE, Settings
from .timeline import TimestampJump, origin

#: A tail shorter than this is no fragment of its own (s).
SHORTEST_FRAGMENT_S = 0.25
#: An audio track that is this far behind the video has fallen silent (s).
LATEST_AUDIO_S = 2.0


class SourceError(Exception):
    """The stream cannot be dubbed; `reason` is the label under which it is counted."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class StreamInfo:
    avcc: bytes | None  # None: no video
    width: int
    height: int
    frame_rate: float
    first_timestamp_s: float
    audio_start: int  # where the first fragment starts, in samples


@dataclass(frozen=True)
class VideoPacket:
    dts_ms: int
    pts_ms: int
    is_key: bool
    payload: bytes


class Source:
    """`deliver` is called from the thread with StreamInfo, then VideoPackets and Fragments, then None or an error."""

    def __init__(self, url: str, settings: Settings, log: logging.LoggerAdapter, deliver: Callable[[object], None]):
        self._url = url
        self._settings = settings
        self._log = log
        self._deliver = deliver
        self._stopping = threading.Event()
        # A daemon: a read that hangs must not keep a worker alive that was told to stop.
        self._thread = threading.Thread(target=self._run, name=f"source {url}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """The thread ends at its next packet, or after INPUT_TIMEOUT_S."""
        self._stopping.set()

    def _run(self) -> None:
        end: Exception | None = None
        try:
            self._read()
        except SourceError as error:
            end = error
        except TimestampJump as error:
            end = SourceError("timestamps", str(error))
        except av.AVError as error:
            end = SourceError("input", f"cannot read {self._url}: {error}")
        except Exception as error:  # whatever a broken stream makes of the decoder ends this stream only
            self._log.exception("reader failed")
            end = SourceError("internal", f"{type(error).__name__}: {error}")
        self._deliver(end)

    def _open(self) -> av.container.InputContainer:
        """Waits for both tracks; a server may announce the path before the second track's first packet."""
        timeout = self._settings.input_timeout_s
        # Not `options`: PyAV 10 hands those to each stream that is known when it opens, and libavformat writes past
        # the end of that list when it finds another one while probing, which it does with FLV: "free(): invalid pointer".
        options = {"analyzeduration": "3000000", "fpsprobesize": "0", "rtmp_live": "live"}
        return av.open(self._url, format="flv", container_options=options, timeout=(timeout, timeout))

    def _read(self) -> None:
        started = time.monotonic()
        try:
            opened = self._open()
        except av.AVError:
            self._refuse_what_is_kept_back(None, None)
            raise
        with opened as container:
            video = next(iter(container.streams.video), None)
            # The first that can be decoded: a second voice may come in a form that libavformat 59 does not know.
            known = [s for s in container.streams.audio if s.codec_context is not None]
            audio = next(iter(known or container.streams.audio), None)
            if video is None or audio is None:
                self._refuse_what_is_kept_back(video, audio)
            if audio is None:
                raise SourceError("no_audio", "the stream has no audio track: nothing to dub, no output is published")
            if not known:
                raise SourceError("audio_codec", "the stream's audio cannot be decoded: publish AAC instead")
            context = video.codec_context if video is not None else None
            if video is not None and (context is None or context.name != "h264" or not context.extradata):
                name = context.name if context is not None else "that nobody here knows"
                raise SourceError("video_codec", f"video codec {name} cannot be published over RTMP: publish H.264")
            self._log.info("opened after %.2f s: audio %s", time.monotonic() - started, audio.codec_context.name)
            self._pump(container, video, audio)

    def _refuse_what_is_kept_back(self, video, audio) -> None:
        """What is missing here may have been published: nothing is dubbed without its picture, and one is told why."""
        pictures, sounds = kept_back(self._listed(), video is not None, audio is not None)
        for kind, wanted, codecs in (("video", "H.264", pictures), ("audio", "AAC", sounds)):
            if codecs:
                raise SourceError(
                    f"{kind}_codec",
                    f"the stream's {kind} is {', '.join(codecs)}, which the media server does not hand to this RTMP "
                    f"reader: publish {wanted} instead; no output is published",
                )

    def _listed(self) -> object:
        """The media server's own description of the stream, or None."""
        path = urllib.parse.urlsplit(self._url).path.lstrip("/")
        url = f"{self._settings.media_api_url}/v3/paths/get/{urllib.parse.quote(path)}"
        try:
            with urllib.request.urlopen(url, timeout=self._settings.input_timeout_s) as answer:
                return json.load(answer)
        except (OSError, ValueError) as error:
            self._log.warning("which tracks the stream has cannot be asked at %s: %s", url, error)
            return None

    def _pump(self, container, video, audio) -> None:
        reader: _Tracks | None = None
        try:
            for packet in container.demux([s for s in (video, audio) if s is not None]):
                if self._stopping.is_set():
                    return
                if packet.dts is None or not packet.size:
                    continue  # the demuxer's own end-of-file mark
                if packet.stream is None or packet.stream not in (video, audio):
                    continue  # a track that came after the stream was opened
                if reader is None:
                    reader = _Tracks(self, video, float(packet.dts * packet.time_base))
                reader.take(packet, is_video=packet.stream is video)
        except av.AVError as error:
            # A publisher that is killed looks like this; what came before it is good.
            self._log.info("input ended: %s", error)
        except IndexError:
            # PyAV 10 flushes every track that there is at the end, but has only those that were there at the beginning.
            self._log.info("input ended; it has a track that came later, which is passed over")
        if reader is None:
            names = sum(kept_back(self._listed(), False, False), [])
            still = f", though the media server still has it, with {', '.join(names)}" if names else ""
            raise SourceError("input", f"the stream ended before its first packet{still}")
        reader.finish()


class _Tracks:
    """The packets of one publication, from the first timestamp on."""

    def __init__(self, source: Source, video, first_s: float):
        self._deliver, self._log = source._deliver, source._log
        begin = origin(first_s)
        self._intake = AudioIntake(begin.start_s)
        shortest, grid = round(SHORTEST_FRAGMENT_S * OUTPUT_RATE), round(begin.grid_s * OUTPUT_RATE)
        self._segmenter = Segmenter(source._settings.segment_samples, self._intake.position, shortest, grid)
        self._video_end_s = first_s  # where the last video packet starts
        self._frame_s = 0.0
        self._bad_packets = 0
        context = video.codec_context if video is not None else None
        rate = video.average_rate or video.base_rate if video is not None else None
        self._deliver(
            StreamInfo(
                bytes(context.extradata) if context else None,
                context.width if context else 0,
                context.height if context else 0,
                float(rate) if rate else 0.0,
                first_s,
                self._intake.position,
            )
        )

    def take(self, packet, is_video: bool) -> None:
        if is_video:
            to_ms = packet.time_base * 1000
            pts = packet.pts if packet.pts is not None else packet.dts
            dts_ms = round(packet.dts * to_ms)
            self._deliver(VideoPacket(dts_ms, round(pts * to_ms), packet.is_keyframe, bytes(packet)))
            self._frame_s = min(0.2, max(0.0, dts_ms / 1000 - self._video_end_s)) or self._frame_s
            self._video_end_s = max(self._video_end_s, dts_ms / 1000)
            if self._video_end_s - LATEST_AUDIO_S > self._intake.position / OUTPUT_RATE + 0.1:
                self._cut(self._intake.fill_until(self._video_end_s - LATEST_AUDIO_S))
            return
        try:
            frames = packet.decode()
        except av.AVError as error:  # a damaged packet is a gap, which becomes silence
            self._bad_packets += 1
            if self._bad_packets in (1, 10, 100, 1000):
                self._log.warning("audio packet %d that cannot be decoded: %s", self._bad_packets, error)
            return
        for frame in frames:
            stamp = frame.pts if frame.pts is not None else packet.pts
            self._cut(self._intake.add(frame, float(stamp * packet.time_base)))

    def finish(self) -> None:
        self._cut(self._intake.flush())
        if self._frame_s:  # ffmpeg's RTP muxer loses the last audio packets: the sound ends with the picture
            self._cut(self._intake.fill_until(self._video_end_s + self._frame_s))
        if (last := self._segmenter.finish()) is not None:
            self._deliver(last)

    def _cut(self, pcm: bytes) -> None:
        for fragment in self._segmenter.feed(pcm) if pcm else []:
            self._deliver(fragment)
