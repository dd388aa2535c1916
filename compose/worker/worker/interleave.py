"""Merges video and audio packets by decoding time. Pure."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class OutputPacket:
    """A packet as it is published; times in milliseconds of the stream's own timeline."""

    kind: int  # flv.AUDIO or flv.VIDEO
    dts_ms: int
    body: bytes


class Interleaver:
    """A video packet waits until the audio reaches it, so that neither track runs ahead of the other."""

    def __init__(self) -> None:
        self._video: deque[OutputPacket] = deque()
        self._audio: deque[OutputPacket] = deque()
        self._audio_until_ms = float("-inf")

    def push_video(self, packet: OutputPacket) -> None:
        self._video.append(packet)

    def push_audio(self, packets: list[OutputPacket], until_ms: float) -> None:
        """`until_ms`: no audio packet before this time will follow; infinity at the end of the stream."""
        self._audio.extend(packets)
        self._audio_until_ms = max(self._audio_until_ms, until_ms)

    @property
    def buffered_s(self) -> float:
        return max(((q[-1].dts_ms - q[0].dts_ms) / 1000 for q in (self._video, self._audio) if q), default=0.0)

    def pop(self) -> OutputPacket | None:
        """The packet that goes out next, or None when it cannot be told yet."""
        if self._audio and (not self._video or self._audio[0].dts_ms < self._video[0].dts_ms):
            return self._audio.popleft()
        if self._video and (self._audio or self._video[0].dts_ms < self._audio_until_ms):
            return self._video.popleft()
        return None
