"""Cuts a contiguous run of PCM into fragments at multiples of the segment length. Pure."""

from dataclasses import dataclass

from .settings import BYTES_PER_SAMPLE, OUTPUT_RATE


@dataclass(frozen=True)
class Fragment:
    """A piece of the original audio: `start` and `samples` count from timestamp 0 at the output rate."""

    sequence: int
    start: int
    pcm: bytes
    is_last: bool = False
    #: False for a tail too short to hold speech: it is passed through, not sent.
    wants_dubbing: bool = True

    @property
    def samples(self) -> int:
        return len(self.pcm) // BYTES_PER_SAMPLE

    @property
    def end(self) -> int:
        return self.start + self.samples

    @property
    def start_s(self) -> float:
        return self.start / OUTPUT_RATE

    @property
    def end_s(self) -> float:
        return self.end / OUTPUT_RATE


class Segmenter:
    """Fragment boundaries lie on the grid of the stream's own timestamps, wherever the reader joined.

    `grid`: a sample index at which a fragment starts, if the stream reaches it.
    """

    def __init__(self, segment_samples: int, start: int, shortest_samples: int, grid: int = 0):
        self._segment = segment_samples
        self._grid = grid
        self._shortest = shortest_samples
        self._start = start
        self._sequence = 0
        self._buffer = bytearray()

    @property
    def position(self) -> int:
        """Index of the sample that comes next."""
        return self._start + len(self._buffer) // BYTES_PER_SAMPLE

    def feed(self, pcm: bytes) -> list[Fragment]:
        self._buffer += pcm
        fragments = []
        while True:
            length = (self._segment - (self._start - self._grid) % self._segment) * BYTES_PER_SAMPLE
            if len(self._buffer) < length:
                return fragments
            fragments.append(self._cut(length, is_last=False))

    def finish(self) -> Fragment | None:
        """The rest, at the end of the stream. AAC frames rarely end where the media does: a tail of some
        milliseconds is no fragment of its own for STS."""
        return self._cut(len(self._buffer), is_last=True) if self._buffer else None

    def _cut(self, length: int, is_last: bool) -> Fragment:
        pcm = bytes(self._buffer[:length])
        del self._buffer[:length]
        wants = not is_last or len(pcm) >= self._shortest * BYTES_PER_SAMPLE
        fragment = Fragment(self._sequence, self._start, pcm, is_last, wants)
        self._sequence += 1
        self._start += len(pcm) // BYTES_PER_SAMPLE
        return fragment
