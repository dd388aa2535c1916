"""Whisper's provider with a tiny randomly initialised model: it loads and decodes as the real one does.

Run by scripts/provider-tests.sh. What it hears is nonsense; that it hears the same twice, and that figures are spelled, is not.
With real weights: tests/weights.
"""
import json
import math
import os
import struct
import tempfile
import unittest

import ctranslate2
import numpy
import tokenizers

from sts import providers, settings, words
from sts.providers import ProviderError

WIDTH, HEADS, LAYERS, MELS = 64, 1, 1, 80
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|es|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>",
           "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>", "<|0.00|>", "<|0.02|>"]
PLAIN = ["one", "two", "three", "seven", "21", "4", "9th", "a7b"]


def tiny_model(folder, seed):
    """A folder as ct2-transformers-converter writes it, with random weights and eight words."""
    vocabulary = PLAIN + SPECIAL
    spec = ctranslate2.specs.WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    random = numpy.random.default_rng(seed)

    def weights(*shape):
        return (random.standard_normal(shape) / math.sqrt(shape[-1])).astype(numpy.float32)

    def norm(layer):
        layer.gamma, layer.beta = numpy.ones(WIDTH, numpy.float32), numpy.zeros(WIDTH, numpy.float32)

    def linear(layer, out, inputs=WIDTH):
        layer.weight, layer.bias = weights(out, inputs), numpy.zeros(out, numpy.float32)

    def attention(layer, is_self):
        norm(layer.layer_norm)
        widths = (3 * WIDTH, WIDTH) if is_self else (WIDTH, 2 * WIDTH, WIDTH)
        for part, width in zip(layer.linear, widths):
            linear(part, width)

    def feed_forward(layer):
        norm(layer.layer_norm)
        linear(layer.linear_0, 4 * WIDTH)
        linear(layer.linear_1, WIDTH, 4 * WIDTH)

    encoder, decoder = spec.encoder, spec.decoder
    for layer, inputs in ((encoder.conv1, MELS), (encoder.conv2, WIDTH)):
        layer.weight, layer.bias = weights(WIDTH, inputs, 3), numpy.zeros(WIDTH, numpy.float32)
    encoder.position_encodings.encodings = weights(1500, WIDTH)
    decoder.position_encodings.encodings = weights(448, WIDTH)
    decoder.embeddings.weight = weights(len(vocabulary), WIDTH) * 8
    decoder.embeddings.weight[PLAIN.index("21"):] *= 3  # figures are what it would rather write
    decoder.embeddings.weight[len(PLAIN):] = 0          # words win over "no speech" and the end
    decoder.projection.weight = decoder.embeddings.weight
    decoder.scale_embeddings = False
    norm(encoder.layer_norm)
    norm(decoder.layer_norm)
    for layer in encoder.layer:
        attention(layer.self_attention, True)
        feed_forward(layer.ffn)
    for layer in decoder.layer:
        attention(layer.self_attention, True)
        attention(layer.attention, False)
        feed_forward(layer.ffn)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.config.lang_ids = [vocabulary.index("<|en|>"), vocabulary.index("<|es|>")]
    spec.config.alignment_heads = [[0, 0]]
    spec.register_vocabulary(vocabulary)
    spec.validate()
    spec.save(folder)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({w: i for i, w in enumerate(vocabulary)}, unk_token="one"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "preprocessor_config.json"), "w", encoding="utf-8") as file:
        json.dump({"feature_size": MELS, "sampling_rate": 16000, "hop_length": 160, "n_fft": 400, "chunk_length": 30}, file)


def tone(seconds=2):
    return b"".join(struct.pack("<h", int(8000 * math.sin(i / 7))) for i in range(16000 * seconds))


class WhisperTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        tiny_model(cls.folder.name, seed=5)
        cls.whisper = cls.provider(STS_WHISPER_MODEL=cls.folder.name)
        cls.whisper.start()
        # What decides whether somebody speaks is no part of the model, and a tone is no speech.
        cls.whisper.speech_in = lambda samples: True

    @staticmethod
    def provider(**environment):
        return providers.create("asr", "whisper", settings.load(environment))

    def test_words_come_out_the_same_twice(self):
        heard = self.whisper.recognise(tone(), "numbers", 20)
        self.assertTrue(heard, "a random model says something; nothing would make the next tests empty")
        self.assertEqual(heard, self.whisper.recognise(tone(), "general", 20))
        self.assertEqual(heard, words.spoken(" ".join(heard)))

    def test_figures_are_written_and_spelled(self):
        written = self.whisper.written(tone())
        self.assertTrue(any(c.isdigit() for c in written), "this model must write figures, or the test proves nothing")
        heard = self.whisper.recognise(tone(), "numbers", 20)
        self.assertTrue(heard)
        self.assertFalse([word for word in heard if any(c.isdigit() for c in word)])
        self.assertEqual(self.whisper.readings(tone()), [heard, words.spoken(written, in_pairs=True)])

    def test_a_tone_is_no_speech(self):
        other = self.provider(STS_WHISPER_MODEL=self.folder.name)
        other.start()
        self.assertEqual(other.recognise(tone(), "numbers", 20), [])

    def test_nothing_in_nothing_out(self):
        self.assertEqual(self.whisper.recognise(b"", "numbers", 20), [])

    def test_after_stop_the_chain_is_told_to_start_it_again(self):
        other = self.provider(STS_WHISPER_MODEL=self.folder.name)
        other.start()
        other.stop()
        with self.assertRaises(ProviderError) as caught:
            other.recognise(tone(1), "numbers", 20)
        self.assertTrue(caught.exception.died)

    def test_a_model_that_is_not_there_says_what_to_do(self):
        for name in ("/nonexistent/model", "no-such-size"):
            with self.subTest(name=name), self.assertRaises(ProviderError) as caught:
                self.provider(STS_WHISPER_MODEL=name).start()
            self.assertIn("make models", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
