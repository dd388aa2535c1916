"""Counters, gauges and histograms in Prometheus' text format. Pure."""

from typing import Callable

_SYNC_BUCKETS = (1, 2, 5, 10, 20, 40, 80, 120, 250, 500, 1000)
_TIME_BUCKETS = (50, 100, 250, 500, 1000, 2000, 4000, 8000, 15_000, 30_000)


def _labels(labels: dict[str, str]) -> str:
    escape = lambda v: v.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return "{" + ",".join(f'{k}="{escape(v)}"' for k, v in labels.items()) + "}" if labels else ""


class Counter:
    kind = "counter"

    def __init__(self, label: str | None = None, values: tuple[str, ...] = ()):
        self._label = label
        self._values = {v: 0 for v in values} if label else {"": 0}

    def add(self, value: str = "", amount: int = 1) -> None:
        self._values[value] = self._values.get(value, 0) + amount

    def get(self, value: str = "") -> int:
        return self._values.get(value, 0)

    def lines(self, name: str) -> list[str]:
        return [f"{name}{_labels({self._label: v} if self._label else {})} {n}" for v, n in self._values.items()]


class Gauge:
    kind = "gauge"

    def __init__(self, read: Callable[[], float]):
        self._read = read

    def lines(self, name: str) -> list[str]:
        return [f"{name} {self._read():g}"]


class Histogram:
    kind = "histogram"

    def __init__(self, bounds: tuple[float, ...]):
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[next((i for i, b in enumerate(self._bounds) if value <= b), len(self._bounds))] += 1
        self._sum += value

    def lines(self, name: str) -> list[str]:
        out, total = [], 0
        for bound, count in zip((*self._bounds, "+Inf"), self._counts):
            total += count
            out.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*out, f"{name}_sum {self._sum:.3f}", f"{name}_count {total}"]


class Metrics:
    """All that the worker counts."""

    def __init__(self, inflight: Callable[[], float], active: Callable[[], float]):
        self.fragments = Counter("status", ("sent", "processed", "fallback"))
        self.fallback_reasons = Counter("reason")
        self.failed_streams = Counter("reason", ("no_audio",))
        self.sts_connections_lost = Counter()
        self.unexpected_answers = Counter("reason")
        self.av_sync_delta = Histogram(_SYNC_BUCKETS)
        self.sts_processing_time = Histogram(_TIME_BUCKETS)
        self._all = (
            ("worker_audio_fragments_total", "Fragments sent to STS, processed, and passed through", self.fragments),
            ("worker_inflight_fragments", "Fragments sent and not yet processed", Gauge(inflight)),
            (
                "worker_av_sync_delta_ms",
                "Distance of a fragment's published position from its place in the stream",
                self.av_sync_delta,
            ),
            ("worker_sts_processing_time_ms", "Processing time of a fragment as STS tells it", self.sts_processing_time),
            ("worker_streams_active", "Streams that are read or still written", Gauge(active)),
            ("worker_streams_failed_total", "Streams that ended with an error", self.failed_streams),
            ("worker_fallback_reasons_total", "Why fragments were passed through", self.fallback_reasons),
            ("worker_sts_connections_lost_total", "Connections to STS lost while a stream needed it", self.sts_connections_lost),
            ("worker_unexpected_answers_total", "Answers of STS that were ignored", self.unexpected_answers),
        )

    def text(self) -> str:
        out = []
        for name, description, metric in self._all:
            out += [f"# HELP {name} {description}", f"# TYPE {name} {metric.kind}", *metric.lines(name)]
        return "\n".join(out) + "\n"
