"""The events' payloads: what is accepted, what is answered, which error code says what is wrong."""
import base64
import binascii
import hashlib
from dataclasses import dataclass, field

MAX_MESSAGE = 50 << 20                  # bytes
MAX_FRAGMENT = 10 << 20                 # bytes of base64
FORMAT = "pcm_s16le"
AUDIO_KEYS = ("data_base64", "data")
LANGUAGES = {"eng": "en", "spa": "es"}


class Refused(Exception):
    """Answered with an `error` event; the connection goes on."""

    def __init__(self, code, message, retryable=False, severity="error", stream_id=None, fragment_id=None):
        super().__init__(message)
        self.code, self.retryable, self.severity = code, retryable, severity
        self.stream_id, self.fragment_id = stream_id, fragment_id

    def payload(self):
        known = {"stream_id": self.stream_id, "fragment_id": self.fragment_id}
        return {"code": self.code, "message": str(self), "severity": self.severity, "retryable": self.retryable,
                **{key: value for key, value in known.items() if value is not None}}


def language(tag):
    """`en`, `en-US` and `eng` are the same language."""
    base = tag.lower().replace("_", "-").split("-")[0]
    return LANGUAGES.get(base, base)


def _text(payload, key, limit=256):
    value = payload.get(key)
    if not isinstance(value, str) or not value or len(value) > limit:
        raise Refused("INVALID_CONFIG", f"{key} must be a string of 1 to {limit} characters")
    return value


def _whole(payload, key, low, high, default=None):
    value = payload.get(key, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)              # JavaScript and Swift's Double write 6000.0
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused("INVALID_CONFIG", f"{key} must be a whole number from {low} to {high}, not {value!r}")
    return value


def _object(payload, what):
    if not isinstance(payload, dict):
        raise Refused("INVALID_CONFIG", f"{what} must be an object")
    return payload


@dataclass(frozen=True)
class StreamConfig:
    stream_id: str
    worker_id: str
    source_language: str
    target_language: str
    target_tag: str                     # as the worker wrote it
    asr_model: str
    sample_rate: int
    channels: int
    max_inflight: int


def parse_init(payload, limits, default_model, models):
    """`limits`: the server's own max_inflight; `models`: what the recogniser offers."""
    payload = _object(payload, "stream:init")
    stream_id = _text(payload, "stream_id")
    try:
        config = _object(payload.get("config"), "config")
        if config.get("format", FORMAT) != FORMAT:
            raise Refused("INVALID_CONFIG", f"format must be {FORMAT}, not {config['format']!r}")
        model = config.get("asr_model", default_model)
        if models and model not in models:
            raise Refused("INVALID_CONFIG", f"asr_model must be one of {', '.join(models)}, not {model!r}")
        _whole(config, "chunk_duration_ms", 100, 60_000, 6000)
        if "timeout_ms" in payload:
            _whole(payload, "timeout_ms", 1, 3_600_000)
        target = _text(config, "target_language", 35)
        return StreamConfig(
            stream_id=stream_id, worker_id=str(payload.get("worker_id", "")),
            source_language=language(_text(config, "source_language", 35)), target_language=language(target),
            target_tag=target, asr_model=model,
            sample_rate=_whole(config, "sample_rate_hz", 8000, 192_000), channels=_whole(config, "channels", 1, 8),
            max_inflight=min(limits, _whole(payload, "max_inflight", 1, 1000, limits)))
    except Refused as refused:
        refused.stream_id = stream_id
        raise


@dataclass(frozen=True)
class Fragment:
    fragment_id: str
    stream_id: str
    sequence: int
    pcm: bytes = field(repr=False)
    rate: int
    channels: int
    key: str                            # where the audio lay in the message, and where the answer's goes
    binary: bool
    digest: bytes = field(repr=False)

    @property
    def frames(self):
        return len(self.pcm) // (2 * self.channels)

    @property
    def duration_ms(self):
        return self.frames * 1000 / self.rate


def parse_fragment(payload):
    payload = _object(payload, "fragment:data")
    stream_id = fragment_id = None
    try:
        stream_id, fragment_id = _text(payload, "stream_id"), _text(payload, "fragment_id")
        sequence = _whole(payload, "sequence_number", 0, 2**53)
        audio = _object(payload.get("audio"), "audio")
        if audio.get("format", FORMAT) != FORMAT:
            raise Refused("INVALID_CONFIG", f"audio.format must be {FORMAT}, not {audio['format']!r}")
        rate, channels = _whole(audio, "sample_rate_hz", 8000, 192_000), _whole(audio, "channels", 1, 8)
        key = next((k for k in AUDIO_KEYS if k in audio), None)
        pcm, binary = _audio_bytes(audio.get(key))
        if len(pcm) % (2 * channels):
            raise Refused("INVALID_CONFIG", f"audio of {len(pcm)} bytes is not a whole number of {channels}-channel samples")
        return Fragment(fragment_id, stream_id, sequence, pcm, rate, channels, key, binary,
                        hashlib.blake2b(pcm, digest_size=16).digest())
    except Refused as refused:
        refused.stream_id, refused.fragment_id = stream_id, fragment_id
        raise


def _audio_bytes(value):
    if isinstance(value, (bytes, bytearray)):
        if len(value) > MAX_FRAGMENT // 4 * 3:
            raise Refused("FRAGMENT_TOO_LARGE", f"{len(value)} bytes of audio; at most {MAX_FRAGMENT // 4 * 3} are accepted")
        return bytes(value), True
    if not isinstance(value, str):
        raise Refused("INVALID_CONFIG", "audio needs data_base64: base64 text, or a binary attachment")
    if len(value) > MAX_FRAGMENT:
        raise Refused("FRAGMENT_TOO_LARGE", f"{len(value)} bytes of base64; at most {MAX_FRAGMENT} are accepted")
    try:
        return base64.b64decode(value, validate=True), False
    except (binascii.Error, ValueError):
        raise Refused("INVALID_CONFIG", "audio.data_base64 is not base64") from None


def stream_id_of(payload):
    return _text(_object(payload, "payload"), "stream_id")


def dubbed_audio(fragment, pcm, rate, channels):
    """In the form in which the fragment came: text for text, attachment for attachment."""
    return {"format": FORMAT, "sample_rate_hz": rate, "channels": channels,
            "duration_ms": round(len(pcm) / (2 * channels) * 1000 / rate),
            fragment.key: pcm if fragment.binary else base64.b64encode(pcm).decode()}


def processed(fragment, config, result):
    """The `fragment:processed` payload of an engine's result."""
    payload = {"fragment_id": fragment.fragment_id, "stream_id": fragment.stream_id,
               "sequence_number": fragment.sequence, "status": result["status"],
               "processing_time_ms": round(result["processing_ms"], 1)}
    for key in ("transcript", "translated_text", "stage_timings", "error"):
        if key in result:
            payload[key] = result[key]
    if "translated_text" in result:
        payload["target_language"] = config.target_tag
    if "audio" in result:
        payload["dubbed_audio"] = dubbed_audio(fragment, *result["audio"])
    return payload
