"""Everything that the environment decides, read once and checked."""
import os
from dataclasses import dataclass, field

ENGINES = ("full", "echo", "silence", "mumble")


class SettingsError(Exception):
    """An environment variable that cannot be used; the text says which and what would do."""


@dataclass(frozen=True)
class Settings:
    port: int
    namespace: str
    engine: str
    emit: str
    asr: str
    mt: str
    tts: str
    asr_model: str
    model_dir: str
    plugins: tuple
    workers: int
    max_inflight: int
    max_queue: int                      # fragments of one stream that wait or are worked on
    backpressure_medium: int            # waiting fragments of all streams
    backpressure_high: int
    gap_timeout: float                  # s, how long a missing fragment holds up the ones after it
    stage_timeout: float                # s, for one stage of one fragment
    source_language: str                # two-letter codes, for the providers with models
    target_language: str
    whisper_model: str                  # a name such as `small`, or a folder
    tts_model: str
    kokoro_model: str                   # a folder
    kokoro_voice: str                   # jm_kumo is understood best in Spanish: 1 of 54 words wrong, jf_alpha 23
    google_url: str
    # Not in the representation: what an engine is given must not be in a log line that prints it.
    auth_token: str = field(repr=False)
    google_key: str = field(repr=False)


def _choice(env, name, default, allowed):
    value = env.get(name) or default
    if value not in allowed:
        raise SettingsError(f"{name}={value!r}: use one of {', '.join(allowed)}")
    return value


def _number(env, name, default, low, high, kind=int):
    text = env.get(name) or str(default)
    try:
        value = kind(text)
    except ValueError:
        raise SettingsError(f"{name}={text!r} is not a number") from None
    if not low <= value <= high:
        raise SettingsError(f"{name}={text}: use {low} to {high}")
    return value


def _language(env, name, default):
    value = (env.get(name) or default).split("-")[0].lower()
    if not (value.isalpha() and 2 <= len(value) <= 3):
        raise SettingsError(f"{name}={env.get(name)!r}: use a code such as en or es")
    return value


def load(env):
    namespace = env.get("STS_NAMESPACE") or "/"
    if not namespace.startswith("/") or "," in namespace:
        raise SettingsError(f"STS_NAMESPACE={namespace!r}: a namespace begins with / and holds no comma")
    medium = _number(env, "STS_BACKPRESSURE_MEDIUM", 4, 1, 10_000)
    high = _number(env, "STS_BACKPRESSURE_HIGH", 8, 1, 10_000)
    if high <= medium:
        raise SettingsError(f"STS_BACKPRESSURE_HIGH={high} must be above STS_BACKPRESSURE_MEDIUM={medium}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Settings(
        port=_number(env, "STS_LISTEN_PORT", 3000, 1, 65535),
        namespace=namespace,
        engine=_choice(env, "STS_ENGINE", "full", ENGINES),
        emit=_choice(env, "STS_EMIT", "session", ("session", "broadcast")),
        asr=env.get("STS_ASR") or "pocketsphinx",
        mt=env.get("STS_MT") or "apertium",
        tts=env.get("STS_TTS") or "espeak",
        asr_model=_choice(env, "STS_ASR_MODEL", "numbers", ("numbers", "general")),
        model_dir=env.get("STS_MODEL_DIR") or "models",
        plugins=tuple(p for p in (env.get("STS_PLUGINS") or "").split(",") if p),
        workers=_number(env, "STS_WORKERS", cores, 1, 64),
        max_inflight=_number(env, "STS_MAX_INFLIGHT", 3, 1, 1000),
        max_queue=_number(env, "STS_MAX_QUEUE", 32, 1, 10_000),
        backpressure_medium=medium,
        backpressure_high=high,
        gap_timeout=_number(env, "STS_GAP_TIMEOUT_S", 5, 0, 600, float),
        stage_timeout=_number(env, "STS_STAGE_TIMEOUT_S", 20, 0.1, 600, float),
        source_language=_language(env, "SOURCE_LANGUAGE", "en"),
        target_language=_language(env, "TARGET_LANGUAGE", "es"),
        whisper_model=env.get("STS_WHISPER_MODEL") or "small",
        tts_model=env.get("STS_TTS_MODEL") or "tts_models/es/css10/vits",
        kokoro_model=env.get("STS_KOKORO_MODEL") or "/models/kokoro",
        kokoro_voice=env.get("STS_KOKORO_VOICE") or "jm_kumo",
        google_url=env.get("STS_GOOGLE_URL") or "https://translation.googleapis.com/language/translate/v2",
        auth_token=env.get("STS_AUTH_TOKEN") or "",
        google_key=env.get("GOOGLE_TRANSLATE_API_KEY") or "")
