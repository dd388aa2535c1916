"""Stops asking a speech service that keeps failing, and tries it again from time to time. Pure."""

from enum import IntEnum


class State(IntEnum):
    CLOSED = 0
    PROBING = 1
    OPEN = 2


class Breaker:
    """Opens after `limit` failures in a row; after `pause_s` one fragment is let through, whose success closes it."""

    def __init__(self, limit: int, pause_s: float):
        self._limit, self._pause_s = limit, pause_s
        self.state = State.CLOSED
        self._failures = 0
        self._opened_at = 0.0

    def admits(self, now: float) -> bool:
        """Whether a fragment may be sent; to be asked once for each, since it may make that one the probe."""
        if self.state is State.OPEN and now - self._opened_at >= self._pause_s:
            self.state = State.PROBING
            return True
        return self.state is State.CLOSED

    def succeeded(self, is_probe: bool) -> None:
        """What was sent before it opened may still be answered: that closes nothing."""
        if self.state is State.CLOSED or is_probe:
            self.state = State.CLOSED
            self._failures = 0

    def failed(self, now: float, is_probe: bool) -> None:
        self._failures += 1
        if is_probe or (self.state is State.CLOSED and self._failures >= self._limit):
            self.state = State.OPEN
            self._opened_at = now
