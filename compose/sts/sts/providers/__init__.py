"""Engines by name. A provider is a class with the methods of `Recogniser`, `Translator` or `Synthesiser`.

Add one from outside: put a module on PYTHONPATH that calls `register(...)`, and name it in STS_PLUGINS.
"""
import importlib
from typing import Protocol

from ..settings import SettingsError


class ProviderError(Exception):
    """An engine failed on one fragment. `died`: its process is gone and must be started again."""

    def __init__(self, message, died=False):
        super().__init__(message)
        self.died = died


class Provider(Protocol):
    languages: tuple                    # two-letter codes; () means any

    def start(self) -> None:
        """Loads the models. Called once, and again after the engine died."""

    def stop(self) -> None: ...


class Recogniser(Provider, Protocol):
    rate: int                           # Hz, of the mono 16 bit PCM that it takes
    models: tuple                       # names that a stream may ask for

    def recognise(self, pcm: bytes, model: str, timeout: float) -> list:
        """The words, in order; none when nobody speaks. With capitals where the recogniser knows them."""


class Translator(Provider, Protocol):
    target_languages: tuple

    def translate(self, text: str, timeout: float) -> str: ...


class Synthesiser(Provider, Protocol):
    """Its `languages` are those that it speaks."""

    rate: int                           # Hz, of the mono 16 bit PCM that it gives

    def speak(self, text: str, seconds: float, timeout: float) -> bytes:
        """Speech that lasts `seconds` at most, if the voice can be that fast."""


_factories = {"asr": {}, "mt": {}, "tts": {}}
VARIABLES = {"asr": "STS_ASR", "mt": "STS_MT", "tts": "STS_TTS"}


def register(stage, name, factory):
    """`factory` takes the Settings."""
    _factories[stage][name] = factory


def create(stage, name, settings):
    # The built-in ones register themselves; those with models import their libraries when they are started.
    from . import asr, coqui, google, kokoro, mt, tts, whisper
    assert asr and coqui and google and kokoro and mt and tts and whisper
    for plugin in settings.plugins:
        try:
            importlib.import_module(plugin)
        except ImportError as error:
            raise SettingsError(f"STS_PLUGINS names {plugin!r}, which cannot be imported: {error}") from None
    if name not in _factories[stage]:
        raise SettingsError(f"{VARIABLES[stage]}={name!r} is unknown: this image has {', '.join(sorted(_factories[stage]))}")
    return _factories[stage][name](settings)
