"""Where samples lie on the stream's timeline, and when they go out. Pure arithmetic."""

from dataclasses import dataclass

#: A stream whose first timestamp is below this has been joined at its beginning: its grid starts at 0 (s).
ORIGIN_TOLERANCE_S = 1.0

#: Pictures are decoded before they are shown by up to this (s): five frames of 30 a second.
DECODING_LEAD_S = 0.17

#: RTMP timestamps are whole milliseconds and servers add jitter of their own; below this a block is contiguous (s).
JITTER_TOLERANCE_S = 0.020

#: A jump of the timestamps beyond this is not a gap to fill with silence but another timeline (s).
LARGEST_GAP_S = 30.0


class TimestampJump(Exception):
    """The stream's timestamps jumped further than a gap that silence may fill."""


@dataclass(frozen=True)
class Origin:
    """Where the first fragment starts, and a point of the grid on which the others do (s)."""

    start_s: float
    grid_s: float


def origin(first_timestamp_s: float) -> Origin:
    """A stream that was joined half-way starts where it was joined, and keeps the grid that starts at 0.

    A publisher may connect some whole seconds before it sends: with RTMP, which keeps a sender's timestamps, such a stream
    begins at 4 s, but for the frame or two by which the first picture is decoded before it is shown.
    """
    if first_timestamp_s < ORIGIN_TOLERANCE_S:
        return Origin(0.0, 0.0)
    whole = float(round(first_timestamp_s))
    if -DECODING_LEAD_S <= first_timestamp_s - whole <= JITTER_TOLERANCE_S:
        return Origin(whole, whole)
    return Origin(first_timestamp_s, 0.0)


@dataclass(frozen=True)
class Placement:
    """What to do with a block of samples: silence to insert before it, samples to drop from its head."""

    silence: int
    drop: int


class AudioTimeline:
    """Keeps blocks of samples contiguous: jitter is ignored, gaps become silence, overlaps are dropped."""

    def __init__(self, rate: int, position: int):
        self.rate = rate
        #: Index, in samples since timestamp 0, of the sample that comes next.
        self.position = position

    def place(self, timestamp_s: float, samples: int) -> Placement:
        offset = round(timestamp_s * self.rate) - self.position
        if abs(offset) > LARGEST_GAP_S * self.rate:
            raise TimestampJump(f"audio timestamp jumped by {offset / self.rate:+.3f} s at {timestamp_s:.3f} s")
        if abs(offset) <= JITTER_TOLERANCE_S * self.rate:
            placement = Placement(0, 0)
        elif offset > 0:
            placement = Placement(offset, 0)
        else:
            placement = Placement(0, min(samples, -offset))
        self.position += placement.silence + samples - placement.drop
        return placement


class OutputClock:
    """When a packet goes out: its stream time plus a latency that is fixed when the first fragment is ready."""

    def __init__(self, segment_s: float, margin_s: float):
        self._segment_s = segment_s
        self._margin_s = margin_s
        self._origin: float | None = None
        self.latency_s: float | None = None

    def observe(self, stream_s: float, now: float) -> None:
        """A packet arrived. The earliest one counts: a server hands a late reader a burst of older packets."""
        if self.latency_s is None and (self._origin is None or now - stream_s < self._origin):
            self._origin = now - stream_s

    def fix(self, start_s: float, end_s: float, now: float, is_last: bool) -> None:
        """The first fragment is ready.

        A first fragment that is only the rest of a cell is ready sooner than the full ones after it will be; the
        latency is that of a full one, or every reader would see a stall at the first cell boundary.
        """
        if self.latency_s is not None:
            return
        if self._origin is None:
            self._origin = now - end_s
        if is_last:
            self.latency_s = now - self._origin - start_s
        else:
            self.latency_s = max(now - self._origin - start_s, now - self._origin - end_s + self._segment_s)
            self.latency_s += self._margin_s

    def due(self, stream_s: float) -> float:
        """The moment, on the clock that `now` came from, at which a packet of this stream time goes out."""
        if self._origin is None or self.latency_s is None:
            raise RuntimeError("due() was asked before the first fragment was ready")
        return self._origin + self.latency_s + stream_s
