"""Cuts a run of AAC frames into fragments of so many whole frames. Pure."""

from dataclasses import dataclass

FRAME = 1024  # samples
#: A frame this far from where it should be begins a new run.
_GAP_S = 0.1


@dataclass(frozen=True)
class Fragment:
    number: int  # from 0
    start_s: float  # on the input's timeline
    rate: int
    channels: int
    frames: int
    adts: bytes

    @property
    def length_s(self) -> float:
        return self.frames * FRAME / self.rate


class Cutter:
    """Frames in, whole fragments out; what does not fill one is never heard of again."""

    def __init__(self, frames: int):
        self._frames = frames
        self._held: list[bytes] = []
        self._start_s = 0.0
        self._format = (0, 0)
        self._number = 0

    def add(self, frame: bytes, at_s: float, rate: int, channels: int) -> Fragment | None:
        expected = self._start_s + len(self._held) * FRAME / (self._format[0] or rate)
        if self._format != (rate, channels) or abs(at_s - expected) > _GAP_S:
            self._held.clear()
            self._format = (rate, channels)
            self._start_s = at_s
        self._held.append(frame)
        if len(self._held) < self._frames:
            return None
        fragment = Fragment(self._number, self._start_s, rate, channels, len(self._held), b"".join(self._held))
        self._number += 1
        # Counted on, not taken from the next frame: FLV's whole milliseconds would jitter.
        self._start_s += fragment.length_s
        self._held.clear()
        return fragment
