"""Whisper and Kokoro with their real weights; in the image `models`, run by scripts/models-tests.sh."""
import importlib.util
import math
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import time
import unittest

from sts import audio, providers, settings, weights, words
from sts.providers import ProviderError

WHISPER, KOKORO = "/models/whisper-base", "/models/kokoro"
RATE = 16000
NUMBERS = "one two three four five six seven eight nine ten thirteen thirty twenty one twenty nine"
SPANISH = ("El tiempo era cálido y los niños jugaron en el jardín hasta la tarde.",
           "Mi hermano trabaja en una oficina grande cerca del río y va a casa en tren.",
           "Mañana por la mañana compramos pan y leche en el mercado.")


def recogniser(language="en", model=WHISPER):
    made = providers.create("asr", "whisper", settings.load({"STS_WHISPER_MODEL": model, "SOURCE_LANGUAGE": language}))
    made.start()
    return made


def voice(**environment):
    made = providers.create("tts", "kokoro", settings.load(environment))
    made.start()
    return made


def espeak(text, name):
    sound = subprocess.run(["espeak-ng", "-v", name, "-s", "140", "--stdout", text], capture_output=True, check=True).stdout
    return audio.resampled(sound[44:], 22050, RATE)


def chords(seconds):
    """As fixtures/make.py makes them."""
    tones = [220 * ratio for ratio in (0.5, 1, 1.25, 1.5, 2)]
    return b"".join(struct.pack("<h", int(0.12 * 32767 * math.sin(math.pi * (i / RATE) / 2 % math.pi) * sum(
        math.sin(2 * math.pi * tone * i / RATE) for tone in tones))) for i in range(int(RATE * seconds)))


def noise(seconds, amplitude):
    source = random.Random(1)
    return b"".join(struct.pack("<h", round(source.gauss(0, amplitude))) for _ in range(int(RATE * seconds)))


def error_rate(expected, heard):
    row = list(range(len(heard) + 1))
    for i, word in enumerate(expected, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(diagonal + (word != other), row[j] + 1, row[j - 1] + 1)
    return row[-1] / len(expected)


@unittest.skipUnless(importlib.util.find_spec("faster_whisper") and os.path.isdir(WHISPER), "only in the image e2e-sts-models")
class WhisperTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.whisper = recogniser()

    def test_numbers_are_words(self):
        heard = words.transcript(self.whisper.recognise(espeak(NUMBERS.replace(" ", ", "), "en-us"), "numbers", 60)).split()
        self.assertFalse([word for word in heard if any(c.isdigit() for c in word)])
        self.assertLessEqual(error_rate(NUMBERS.split(), heard), 0.2, heard)

    def test_nobody_speaks(self):
        for name, sound in (("silence", bytes(2 * RATE * 6)), ("a hum", chords(6)), ("noise", noise(6, 1000)),
                            ("quiet noise", noise(6, 30)), ("nothing", b"")):
            with self.subTest(name):
                self.assertEqual(self.whisper.recognise(sound, "numbers", 60), [])

    def test_names_keep_their_capitals_and_the_rest_has_none(self):
        heard = self.whisper.recognise(espeak("I think that John lives in London.", "en-us"), "general", 60)
        self.assertEqual(heard[0].lower(), "i")
        self.assertIn("London", heard)
        self.assertIn("think", heard)

    def test_half_of_the_weights_and_weights_of_another_kind(self):
        with tempfile.TemporaryDirectory() as folder:
            half = pathlib.Path(folder, "half")
            half.mkdir()
            for path in pathlib.Path(WHISPER).iterdir():
                (half / path.name).symlink_to(path)
            (half / "model.bin").unlink()
            for content, said in ((None, "model.bin is missing"), (pathlib.Path(WHISPER, "model.bin").read_bytes()[:70_000_000], "is broken")):
                if content:
                    (half / "model.bin").write_bytes(content)
                with self.subTest(said), self.assertRaises(ProviderError) as caught:
                    recogniser(model=str(half))
                self.assertIn(said, str(caught.exception))
                self.assertIn("make models", str(caught.exception))
                self.assertNotIn("\n", str(caught.exception))
        with self.assertRaises(ProviderError) as caught:
            recogniser(model=KOKORO)
        self.assertIn("is no Whisper model", str(caught.exception))

    def test_a_model_of_english_only_says_so_when_it_is_to_hear_spanish(self):
        with self.assertRaises(ProviderError) as caught:
            recogniser("es", "/models/whisper-tiny.en")
        self.assertIn("does not hear 'es'", str(caught.exception))


@unittest.skipUnless(importlib.util.find_spec("kokoro_onnx") and os.path.isdir(KOKORO), "only in the image e2e-sts-models")
class KokoroTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kokoro = voice()

    def test_spanish_is_understood(self):
        ears, errors, count = recogniser("es"), 0.0, 0
        for text in SPANISH:
            began = time.monotonic()
            sound = self.kokoro.speak(text, 6, 60)
            took = time.monotonic() - began
            expected = words.transcript(words.spoken(text, "es")).split()
            heard = words.transcript(ears.recognise(audio.resampled(sound, self.kokoro.rate, RATE), "general", 60)).split()
            rate = error_rate(expected, heard)
            print(f"kokoro: {took:.1f} s for {len(sound) / 2 / self.kokoro.rate:.1f} s, heard {rate:.0%} wrong: {' '.join(heard)}")
            errors, count = errors + rate * len(expected), count + len(expected)
        self.assertLessEqual(errors / count, 0.15)

    def test_it_speaks_the_same_twice_and_nothing_is_clipped_to_the_other_sign(self):
        sound = self.kokoro.speak(SPANISH[0], 6, 60)
        self.assertEqual(sound, self.kokoro.speak(SPANISH[0], 6, 60))
        samples = struct.unpack(f"<{len(sound) // 2}h", sound)
        self.assertGreater(max(samples), 5000)
        # A sample beyond full scale that wrapped around is a step of nearly the whole range.
        self.assertLess(max(abs(a - b) for a, b in zip(samples, samples[1:])), 40000)

    def test_peaks_above_full_scale_stay_there(self):
        import numpy
        from unittest import mock
        loud = numpy.array([0.5, 1.13, -1.13, 0.25], numpy.float32)
        with mock.patch.object(self.kokoro.model, "create", return_value=(loud, 24000)):
            self.assertEqual(struct.unpack("<4h", self.kokoro.speak("uno", 6, 60)), (16383, 32767, -32767, 8191))

    def test_what_has_no_sound_is_none(self):
        self.assertEqual(self.kokoro.speak("…", 6, 60), b"")

    def test_what_is_not_there_is_one_sentence(self):
        for environment, said in (
                ({"STS_KOKORO_VOICE": "ef_dora"}, "STS_KOKORO_VOICE='ef_dora' is not in /models/kokoro/voices.npz, which has jf_alpha"),
                ({"TARGET_LANGUAGE": "de"}, "Kokoro has no voice for 'de', only for en, es, fr, hi, it, pt"),
                ({"STS_KOKORO_MODEL": WHISPER}, "is no Kokoro model: model.onnx, voices.npz is missing"),
                ({"STS_KOKORO_MODEL": "/nowhere"}, "the Kokoro model '/nowhere' is not there: `make models`")):
            with self.subTest(said), self.assertRaises(ProviderError) as caught:
                voice(**environment)
            self.assertIn(said, str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))

    def test_a_model_of_another_kind_is_named_by_what_it_takes(self):
        import faster_whisper
        other = pathlib.Path(faster_whisper.__file__).parent / "assets"
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "model.onnx").symlink_to(sorted(other.glob("silero*.onnx"))[0])
            pathlib.Path(folder, "voices.npz").symlink_to(pathlib.Path(KOKORO, "voices.npz"))
            with self.assertRaises(ProviderError) as caught:
                voice(STS_KOKORO_MODEL=folder)
        self.assertIn("is no Kokoro model: it takes", str(caught.exception))


class Untouched(unittest.TestCase):
    def test_the_weights_are_what_was_pinned(self):
        for name, files in weights.MODELS.items():
            weights.check(f"/models/{name}", tuple(files), name)


if __name__ == "__main__":
    unittest.main()
