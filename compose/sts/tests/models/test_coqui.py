"""Coqui's provider with a tiny randomly initialised VITS model: it loads and speaks as the real one does.

Run by scripts/provider-tests.sh. What it says is noise; that it is 16 bit PCM at the model's rate, the same twice, is not.
"""
import importlib.util
import os
import struct
import tempfile
import unittest
from unittest import mock

from sts import providers, settings
from sts.providers import ProviderError


def tiny_model(folder):
    import torch
    from TTS.tts.configs.shared_configs import CharactersConfig
    from TTS.tts.configs.vits_config import VitsArgs, VitsConfig
    from TTS.tts.models.vits import Vits
    arguments = VitsArgs(
        hidden_channels=16, hidden_channels_ffn_text_encoder=16, num_heads_text_encoder=1, num_layers_text_encoder=1,
        num_layers_posterior_encoder=1, num_layers_flow=1, upsample_initial_channel_decoder=32,
        resblock_kernel_sizes_decoder=[3], resblock_dilation_sizes_decoder=[[1, 3, 5]], init_discriminator=False)
    characters = CharactersConfig(
        characters_class="TTS.tts.models.vits.VitsCharacters", pad="_", characters="abcdefghijklmnopqrstuvwxyzáéíóúñü",
        punctuations=" ,.!?", phonemes="", is_unique=False)
    config = VitsConfig(model_args=arguments, characters=characters, use_phonemes=False, text_cleaner="basic_cleaners",
                        test_sentences=[])
    torch.manual_seed(1)
    config.save_json(os.path.join(folder, "config.json"))
    torch.save({"model": Vits(config).state_dict()}, os.path.join(folder, "model_file.pth"))


@unittest.skipUnless(importlib.util.find_spec("TTS"), "Coqui TTS is not installed here (6 GB with torch): PROVIDERS=all installs it")
class CoquiTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        tiny_model(cls.folder.name)
        cls.coqui = cls.provider(STS_TTS_MODEL=cls.folder.name)
        cls.coqui.start()

    @staticmethod
    def provider(**environment):
        return providers.create("tts", "coqui", settings.load(environment))

    def test_it_speaks_the_same_twice(self):
        sound = self.coqui.speak("uno, dos", 6, 20)
        self.assertEqual(self.coqui.rate, 22050)
        self.assertGreater(len(sound), 2 * 256, "less than one hop of the vocoder is no speech")
        self.assertEqual(len(sound) % 2, 0)
        samples = struct.unpack(f"<{len(sound) // 2}h", sound)
        self.assertTrue(any(samples))
        self.assertEqual(sound, self.coqui.speak("uno, dos", 6, 20))

    def test_more_text_is_more_sound(self):
        self.assertGreater(len(self.coqui.speak("uno, dos, tres, cuatro, cinco", 6, 20)), len(self.coqui.speak("uno", 6, 20)))

    def test_a_model_that_is_not_there_is_not_fetched_while_streams_are_dubbed(self):
        with tempfile.TemporaryDirectory() as home, mock.patch.dict(os.environ, TTS_HOME=home, HF_HUB_OFFLINE="1"):
            with self.assertRaises(ProviderError) as caught:
                self.provider().start()
        self.assertIn("make models", str(caught.exception))

    def test_after_stop_the_chain_is_told_to_start_it_again(self):
        other = self.provider(STS_TTS_MODEL=self.folder.name)
        with self.assertRaises(ProviderError) as caught:
            other.speak("uno", 6, 20)
        self.assertTrue(caught.exception.died)


if __name__ == "__main__":
    unittest.main()
