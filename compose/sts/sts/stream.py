"""One stream's fragments: each processed once, answered in sequence order, answered again when sent again."""
from collections import OrderedDict

from .contract import Refused

KEPT_ANSWERS = 16
ACCEPTED, PENDING, ANSWERED = "accepted", "pending", "answered"


class Stream:
    """No clock, no socket: the server asks what may be sent, and sends it.

    A worker that lost its connection sends again what it has no answer to. The same fragment (same id, same audio) is
    never processed twice: while it is worked on it is only acknowledged, afterwards its answer is sent again, for the
    last KEPT_ANSWERS fragments.
    """

    def __init__(self, config, session):
        self.config, self.session = config, session
        self.paused = self.ending = self.complete = False
        self.reopened = False
        self.pressure = "low"
        self._reset()

    def _reset(self):
        self.expected = 0               # the next sequence number to answer
        self.pending = {}               # sequence -> fragment
        self.held = {}                  # sequence -> answer that waits for an earlier one
        self.answers = OrderedDict()    # sequence -> (fragment id, digest, answer)
        self.counts = {"success": 0, "partial": 0, "failed": 0}
        self.skipped = self.resent = self.applied = 0
        self.duration_ms = self.processing_ms = self.slowest_ms = 0.0

    @property
    def inflight(self):
        return len(self.pending) + len(self.held)

    def reopen(self, config, session):
        """The worker is back, or a new one has the stream's name."""
        self.config, self.session = config, session
        self.paused = self.ending = False
        self.reopened = True

    def accept(self, fragment, limit):
        """ACCEPTED, PENDING, or (ANSWERED, answer); `limit`: fragments that may be open."""
        sequence, identity = fragment.sequence, (fragment.fragment_id, fragment.digest)
        open_one = self.pending.get(sequence)
        known = (open_one.fragment_id, open_one.digest) if open_one else self.answers.get(sequence, (None, None))[:2]
        if known == identity:
            self.resent += 1
            return PENDING if open_one or sequence in self.held else (ANSWERED, self.answers[sequence][2])
        if self.reopened and sequence == 0 and self.expected > 0 and not self.inflight:
            self._reset()               # a worker that started anew under the same stream id
        elif known != (None, None) or sequence < self.expected:
            raise Refused("INVALID_SEQUENCE", f"sequence_number {sequence} was used already; {self.expected} is next",
                          stream_id=fragment.stream_id, fragment_id=fragment.fragment_id)
        if self.ending:
            raise Refused("INVALID_SEQUENCE", "the stream has been ended",
                          stream_id=fragment.stream_id, fragment_id=fragment.fragment_id)
        if self.inflight >= limit:
            raise Refused("QUEUE_FULL", f"{self.inflight} fragments of this stream are open; at most {limit} are accepted",
                          retryable=True, stream_id=fragment.stream_id, fragment_id=fragment.fragment_id)
        self.pending[sequence] = fragment
        self.duration_ms += fragment.duration_ms
        return ACCEPTED

    def finish(self, fragment, answer):
        """Takes an answer; gives all that may be sent now, in order."""
        del self.pending[fragment.sequence]
        self.held[fragment.sequence] = answer
        self.answers[fragment.sequence] = (fragment.fragment_id, fragment.digest, answer)
        self.counts[answer["status"]] += 1
        self.processing_ms += answer["processing_time_ms"]
        self.slowest_ms = max(self.slowest_ms, answer["processing_time_ms"])
        return self._due()

    def _due(self):
        due = []
        while self.expected in self.held:
            due.append(self.held.pop(self.expected))
            self.expected += 1
        while len(self.answers) > KEPT_ANSWERS:
            oldest = min(self.answers)
            if oldest >= self.expected:
                break
            del self.answers[oldest]
        return due

    @property
    def missing(self):
        """The sequence number that answers wait for although it never arrived; None when all is well."""
        return self.expected if self.held and self.expected not in self.pending else None

    def skip_missing(self):
        """Gives the missing fragments up; what may be sent now, and the range that was skipped."""
        first, last = self.expected, min([*self.held, *self.pending]) - 1
        self.skipped += last - first + 1
        self.expected = last + 1
        return (first, last), self._due()

    @property
    def finished(self):
        return self.ending and not self.inflight

    def summary(self):
        total = sum(self.counts.values())
        return {"stream_id": self.config.stream_id, "total_fragments": total, "total_duration_ms": round(self.duration_ms),
                "statistics": {"success_count": self.counts["success"], "partial_count": self.counts["partial"],
                               "failed_count": self.counts["failed"], "skipped_count": self.skipped,
                               "resent_count": self.resent, "applied_count": self.applied,
                               "avg_processing_time_ms": round(self.processing_ms / total, 1) if total else 0,
                               "max_processing_time_ms": round(self.slowest_ms, 1)}}


def pressure_level(waiting, medium, high):
    return "high" if waiting >= high else "medium" if waiting >= medium else "low"


PRESSURE_ACTIONS = {"low": "none", "medium": "slow_down", "high": "pause"}
