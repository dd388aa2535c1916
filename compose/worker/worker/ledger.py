"""What is known of every fragment of one stream: sent, answered, expired, released in order. Pure."""

from dataclasses import dataclass
from enum import Enum

from .segmenter import Fragment


class Outcome(Enum):
    PROCESSED = "processed"
    FALLBACK = "fallback"
    PASSED = "passed"  # too short to be sent


@dataclass
class Entry:
    fragment: Fragment
    queued_at: float
    sent_at: float | None = None
    #: False again after a reconnect or a retryable error, until it is sent once more.
    is_open: bool = False
    sends: int = 0
    outcome: Outcome | None = None
    audio: bytes | None = None

    def deadline(self, timeout: float) -> float:
        """A reconnect does not extend it: the output must go on whatever happens to the connection."""
        return (self.sent_at if self.sent_at is not None else self.queued_at) + timeout


class FragmentLedger:
    """Fragments enter in order, are answered in any order, and leave in order."""

    def __init__(self, timeout: float):
        self._timeout = timeout
        self._entries: dict[int, Entry] = {}
        self._next_release = 0

    def add(self, fragment: Fragment, now: float) -> None:
        entry = Entry(fragment, now)
        if not fragment.wants_dubbing:
            entry.outcome, entry.audio = Outcome.PASSED, fragment.pcm
        self._entries[fragment.sequence] = entry

    def entry(self, sequence: int) -> Entry | None:
        return self._entries.get(sequence)

    @property
    def inflight(self) -> int:
        return sum(1 for e in self._entries.values() if e.is_open and e.outcome is None)

    @property
    def waiting(self) -> int:
        """Fragments that have not left yet."""
        return len(self._entries)

    def held_longer_than(self, seconds: float) -> list[int]:
        """Unanswered fragments that start this long before the end of what was read: no memory is left for them."""
        end = max((e.fragment.end_s for e in self._entries.values()), default=0.0)
        return [s for s, e in self._entries.items() if e.outcome is None and end - e.fragment.start_s > seconds]

    def next_to_send(self, window: int) -> Entry | None:
        """The oldest fragment that is not with STS, if the window has room for it."""
        if self.inflight >= window:
            return None
        return next((e for e in self._entries.values() if e.outcome is None and not e.is_open), None)

    def mark_sent(self, sequence: int, now: float) -> None:
        entry = self._entries[sequence]
        entry.is_open = True
        entry.sends += 1
        if entry.sent_at is None:
            entry.sent_at = now

    def reopen(self, sequence: int | None = None) -> list[int]:
        """To be sent again: one fragment, or all that were sent and not answered (the connection was lost)."""
        again = [
            s
            for s, e in self._entries.items()
            if e.outcome is None and e.is_open and (sequence is None or s == sequence)
        ]
        for s in again:
            self._entries[s].is_open = False
        return again

    def resolve(self, sequence: int, outcome: Outcome, audio: bytes | None = None) -> bool:
        """The first answer counts; False when the fragment is unknown, released or answered already."""
        entry = self._entries.get(sequence)
        if entry is None or entry.outcome is not None:
            return False
        entry.outcome = outcome
        entry.audio = audio if outcome is Outcome.PROCESSED and audio is not None else entry.fragment.pcm
        return True

    def expired(self, now: float) -> list[int]:
        return [s for s, e in self._entries.items() if e.outcome is None and e.deadline(self._timeout) <= now]

    def next_deadline(self) -> float | None:
        return min((e.deadline(self._timeout) for e in self._entries.values() if e.outcome is None), default=None)

    def release(self) -> list[Entry]:
        """All answered fragments that are next in order."""
        released = []
        while (entry := self._entries.get(self._next_release)) is not None and entry.outcome is not None:
            released.append(self._entries.pop(self._next_release))
            self._next_release += 1
        return released
