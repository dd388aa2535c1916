"""pocketsphinx as it is in the image, on what nobody said."""
import importlib.util
import random
import struct
import unittest

from sts import providers, settings

RATE = 16000


def noise(seconds, amplitude):
    source = random.Random(1)
    return b"".join(struct.pack("<h", round(source.gauss(0, amplitude))) for _ in range(int(seconds * RATE)))


def click(seconds):
    return bytes(RATE) + struct.pack("<4h", 20000, -20000, 12000, -6000) + bytes(2 * int(RATE * (seconds - 1)))


@unittest.skipUnless(importlib.util.find_spec("pocketsphinx"), "pocketsphinx is missing: run this in the image, which has it")
class PocketsphinxTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.recogniser = providers.create("asr", "pocketsphinx", settings.load({"STS_ASR_MODEL": "general"}))
        cls.recogniser.start()

    def test_nothing_is_heard_in_digital_silence(self):
        for seconds in (1, 3, 6):
            with self.subTest(seconds=seconds):
                self.assertEqual(self.recogniser.recognise(bytes(2 * RATE * seconds), "general", 20), [])

    def test_the_same_twice(self):
        for sound in (noise(3, 300), click(3)):
            self.assertEqual(*(self.recogniser.recognise(sound, "general", 20) for _ in range(2)))


if __name__ == "__main__":
    unittest.main()
