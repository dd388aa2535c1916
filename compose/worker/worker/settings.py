"""The worker's settings, read once from the environment."""

import os
import socket
from dataclasses import dataclass
from typing import Mapping

#: Everything inside the worker is 16-bit interleaved stereo at this rate (Hz).
OUTPUT_RATE = 48_000
OUTPUT_CHANNELS = 2
BYTES_PER_SAMPLE = 2 * OUTPUT_CHANNELS


class SettingsError(ValueError):
    """A variable of the environment has a value that cannot be used."""


@dataclass(frozen=True)
class Settings:
    media_api_url: str
    media_rtmp_url: str
    sts_url: str
    sts_namespace: str
    sts_transports: tuple[str, ...]
    segment_seconds: float
    fragment_timeout_s: float
    max_inflight: int
    fragment_sample_rate: int
    source_language: str
    target_language: str
    voice_profile: str
    av_offset_ms: float
    output_margin_ms: float
    max_buffer_s: float
    input_timeout_s: float
    discovery_interval_ms: float
    worker_id: str
    http_port: int
    log_level: str

    @property
    def segment_samples(self) -> int:
        return round(self.segment_seconds * OUTPUT_RATE)


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads and checks all settings; an empty variable counts as unset."""

    def text(name: str, default: str) -> str:
        return environment.get(name, "").strip() or default

    def number(name: str, default: str, low: float, high: float) -> float:
        raw = text(name, default)
        try:
            value = float(raw)
        except ValueError:
            raise SettingsError(f"{name}={raw!r} is not a number") from None
        if not low <= value <= high:
            raise SettingsError(f"{name}={raw} is outside {low:g}…{high:g}")
        return value

    def url(name: str, default: str, schemes: tuple[str, ...]) -> str:
        value = text(name, default).rstrip("/")
        if not value.startswith(tuple(s + "://" for s in schemes)):
            raise SettingsError(f"{name}={value!r} must begin with {' or '.join(s + '://' for s in schemes)}")
        return value

    transports = tuple(t.strip() for t in text("STS_TRANSPORTS", "websocket").split(",") if t.strip())
    if not transports or set(transports) - {"websocket", "polling"}:
        raise SettingsError(f"STS_TRANSPORTS={','.join(transports)!r} may name websocket and polling only")
    namespace = text("STS_NAMESPACE", "/")
    return Settings(
        media_api_url=url("MEDIA_API_URL", "http://mediamtx:9997", ("http", "https")),
        media_rtmp_url=url("MEDIA_RTMP_URL", "rtmp://mediamtx:1935", ("rtmp",)),
        sts_url=url("STS_SERVICE_URL", "http://host.docker.internal:3000", ("http", "https")),
        sts_namespace=namespace if namespace.startswith("/") else "/" + namespace,
        sts_transports=transports,
        segment_seconds=number("SEGMENT_SECONDS", "6", 0.5, 60),
        fragment_timeout_s=number("FRAGMENT_TIMEOUT_S", "30", 0.1, 600),
        max_inflight=int(number("MAX_INFLIGHT", "3", 1, 100)),
        fragment_sample_rate=int(number("FRAGMENT_SAMPLE_RATE", "16000", 8000, 48000)),
        source_language=text("SOURCE_LANGUAGE", "en"),
        target_language=text("TARGET_LANGUAGE", "es"),
        voice_profile=text("VOICE_PROFILE", "default"),
        av_offset_ms=number("AV_OFFSET_MS", "0", -5000, 5000),
        output_margin_ms=number("OUTPUT_MARGIN_MS", "250", 0, 10_000),
        max_buffer_s=number("MAX_BUFFER_S", "120", 10, 3600),
        input_timeout_s=number("INPUT_TIMEOUT_S", "10", 1, 600),
        discovery_interval_ms=number("DISCOVERY_INTERVAL_MS", "150", 20, 10_000),
        worker_id=text("WORKER_ID", "worker-" + socket.gethostname()),
        http_port=int(number("HTTP_PORT", "8080", 1, 65_535)),
        log_level=text("LOG_LEVEL", "INFO").upper(),
    )
