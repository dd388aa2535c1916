"""Writes down what is said in clips, one JSON object a line in and out: a second pair of ears for a test.

    python -m sts.listen --language es <clips >heard

in:  {"id": 0, "sample_rate_hz": 16000, "data_base64": "…"}    mono, 16 bit
out: {"id": 0, "text": "uno dos tres"}                          lower case, figures spelled, empty where nobody speaks
     {"id": 0, "text": "diez mil once", "readings": ["diez once"]}  figures as they may have been said as well
"""
import argparse
import base64
import json
import os
import sys

from . import audio, providers, settings
from .words import transcript


def listen(recogniser, lines):
    for line in lines:
        clip = json.loads(line)
        pcm = audio.resampled(base64.b64decode(clip["data_base64"]), clip["sample_rate_hz"], recogniser.rate)
        spoken = audio.level(pcm, recogniser.rate) >= audio.SPEECH_LEVEL
        first, *others = [transcript(words) for words in _readings(recogniser, pcm)] if spoken else [""]
        others = [text for text in others if text != first]
        yield {"id": clip["id"], "text": first, **({"readings": others} if others else {})}


def _readings(recogniser, pcm):
    """One that writes figures has several."""
    return recogniser.readings(pcm) if hasattr(recogniser, "readings") else [recogniser.recognise(pcm, "general", 60)]


def run():
    parser = argparse.ArgumentParser(description="Writes down what is said in clips.")
    parser.add_argument("--language", default="es")
    options = parser.parse_args()
    try:
        loaded = settings.load({**os.environ, "SOURCE_LANGUAGE": options.language})
        recogniser = providers.create("asr", loaded.asr, loaded)
        recogniser.start()
        for answer in listen(recogniser, sys.stdin):
            print(json.dumps(answer, ensure_ascii=False), flush=True)
    except (settings.SettingsError, providers.ProviderError) as error:
        print(f"listen: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run())
