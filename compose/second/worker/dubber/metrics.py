"""Counters and gauges in Prometheus' text format. Pure."""

from typing import Callable

STATUSES = ("sent", "dubbed", "partial", "failed", "timeout", "bypassed")


class Metrics:
    def __init__(self, inflight: Callable[[], int], breaker: Callable[[], int], streams: Callable[[], int]):
        self.segments = dict.fromkeys(STATUSES, 0)
        self.breaker_opened = 0
        self.reconnects = 0
        self._inflight, self._breaker, self._streams = inflight, breaker, streams

    def text(self) -> str:
        lines = ["# HELP second_segments_total Segments by what became of them", "# TYPE second_segments_total counter"]
        lines += [f'second_segments_total{{status="{status}"}} {n}' for status, n in self.segments.items()]
        for name, kind, says, value in (
            ("second_segments_inflight", "gauge", "Segments sent and not yet answered", self._inflight()),
            ("second_breaker_state", "gauge", "0 closed, 1 probing, 2 open; the worst of all streams", self._breaker()),
            ("second_breaker_opened_total", "counter", "How often a breaker opened", self.breaker_opened),
            ("second_speech_reconnects_total", "counter", "Connections to the speech service after the first", self.reconnects),
            ("second_streams", "gauge", "Streams that are being dubbed", self._streams()),
        ):
            lines += [f"# HELP {name} {says}", f"# TYPE {name} {kind}", f"{name} {value}"]
        return "\n".join(lines) + "\n"
