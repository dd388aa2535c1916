"""What the environment asks for, checked before anything starts."""

import os
from dataclasses import dataclass, field
from typing import Callable, Mapping, TypeVar

T = TypeVar("T")


class SettingsError(Exception):
    """A variable that cannot be used; says which, and what it may be."""


@dataclass(frozen=True)
class Fault:
    """What the worker does wrong on purpose, so that a judge of its output can be seen to notice."""

    late_ms: int = 0
    #: Two fragments that are played at each other's place, numbered from 0 by when they were cut.
    swapped: tuple[int, int] | None = None
    #: Fragments in whose place there is silence.
    dropped: frozenset[int] = field(default_factory=frozenset)

    @staticmethod
    def parse(text: str) -> "Fault":
        kind, _, rest = text.partition(":")
        numbers = [int(n) for n in rest.split(",")] if rest else []
        if any(n < 0 for n in numbers):
            raise ValueError(text)
        match kind, numbers:
            case ("" | "none"), []:
                return Fault()
            case "late", [ms]:
                return Fault(late_ms=ms)
            case "swap", [one, other] if one != other:
                return Fault(swapped=(min(one, other), max(one, other)))
            case "drop", [_, *_]:
                return Fault(dropped=frozenset(numbers))
        raise ValueError(text)


@dataclass(frozen=True)
class Settings:
    control_url: str
    rtmp_url: str
    speech_url: str
    speech_key: str
    port: int
    prefix: str
    source_language: str
    target_language: str
    frames: int
    window: int
    patience_s: float
    fallback: str
    breaker_limit: int
    breaker_pause_s: float
    margin_ms: int
    width: int
    height: int
    fps: int
    fault: Fault
    log_level: str


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    def read(name: str, default: str, convert: Callable[[str], T], allowed: Callable[[T], bool], hint: str) -> T:
        text = environment.get(name) or default
        try:
            value = convert(text)
            if allowed(value):
                return value
        except ValueError:
            pass
        raise SettingsError(f"{name} is {text!r}; it must be {hint}")

    def url(name: str, default: str, *schemes: str) -> str:
        hint = "a URL that begins with " + " or ".join(f"{s}://" for s in schemes)
        return read(name, default, lambda t: t.rstrip("/"), lambda u: u.split("://")[0] in schemes and "://" in u, hint)

    def whole(name: str, default: str, low: int, high: int) -> int:
        return read(name, default, int, lambda n: low <= n <= high, f"a whole number, {low} to {high}")

    def seconds(name: str, default: str, low: float, high: float) -> float:
        return read(name, default, float, lambda n: low <= n <= high, f"seconds, {low:g} to {high:g}")

    def text(name: str, default: str) -> str:
        return environment.get(name) or default

    def one_of(name: str, default: str, *choices: str) -> str:
        return read(name, default, str, lambda c: c in choices, "one of " + ", ".join(choices))

    return Settings(
        control_url=url("CONTROL_URL", "http://server:9997", "http", "https"),
        rtmp_url=url("RTMP_URL", "rtmp://server:1935", "rtmp"),
        speech_url=url("SPEECH_URL", "http://speech:3000", "http", "https"),
        speech_key=text("SPEECH_KEY", "second"),
        port=whole("PORT", "9100", 1, 65535),
        prefix=text("PREFIX", "live"),
        source_language=text("FROM_LANGUAGE", "en"),
        target_language=text("TO_LANGUAGE", "es"),
        frames=whole("FRAGMENT_FRAMES", "282", 40, 2000),
        window=whole("WINDOW", "2", 1, 32),
        patience_s=seconds("PATIENCE_S", "6", 0.1, 600),
        fallback=one_of("FALLBACK", "original", "original", "silence"),
        breaker_limit=whole("BREAKER_LIMIT", "2", 1, 1000),
        breaker_pause_s=seconds("BREAKER_PAUSE_S", "8", 0.1, 3600),
        margin_ms=whole("OUT_MARGIN_MS", "400", 0, 60_000),
        width=whole("OUT_WIDTH", "640", 16, 4096),
        height=whole("OUT_HEIGHT", "360", 16, 4096),
        fps=whole("OUT_FPS", "25", 1, 120),
        fault=read("WORKER_FAULT", "none", Fault.parse, lambda _: True, "none, late:MS, swap:N,M or drop:N"),
        log_level=one_of("LOG_LEVEL", "INFO", "DEBUG", "INFO", "WARNING", "ERROR"),
    )
