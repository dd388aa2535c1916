"""Loads every provider that the settings name, which fetches missing weights, and says how long each took:
python -m sts.fetch_models, in the image `models`, with HF_HUB_OFFLINE=0."""
import os
import sys
import time

from . import providers, settings
from .log import log


def fetch(configuration):
    """Not the translator: it has no weights, and its key is not needed for this."""
    for stage, name in (("asr", configuration.asr), ("tts", configuration.tts)):
        began = time.monotonic()
        providers.create(stage, name, configuration).start()
        log(f"{stage} {name}: loaded after {time.monotonic() - began:.1f} s")


def run():
    try:
        fetch(settings.load(os.environ))
    except (settings.SettingsError, providers.ProviderError) as error:
        log("cannot fetch:", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run())
