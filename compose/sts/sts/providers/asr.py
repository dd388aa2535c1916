"""Recognition with pocketsphinx (CMU Sphinx, US English)."""
import os
import sys

from .. import audio, number_model, words
from . import ProviderError, register

ROOT = str(number_model.ACOUSTIC_ROOT)


class Pocketsphinx:
    rate = 16000
    languages = ("en",)
    models = ("numbers", "general")

    def __init__(self, settings):
        self.first_model, self.folder = settings.asr_model, settings.model_dir
        self.decoders = {}

    def start(self):
        self.decoders = {}
        self._decoder(self.first_model)

    def stop(self):
        self.decoders = {}

    def _decoder(self, model):
        """The general model takes a second and 100 MB, so it is loaded when a stream asks for it first."""
        if model not in self.decoders:
            self.decoders[model] = self._load(model)
        return self.decoders[model]

    def _load(self, model):
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise ProviderError(f"pocketsphinx cannot be imported: {error}") from None
        files = {"numbers": (f"{self.folder}/num.arpa", f"{self.folder}/num.dict"),
                 "general": (f"{ROOT}/en-us.lm.bin", f"{ROOT}/cmudict-en-us.dict")}[model]
        for file in files:
            if not os.path.exists(file):
                raise ProviderError(f"model file {file} is missing")
        config = Decoder.default_config()
        for option, value in (("-hmm", f"{ROOT}/en-us"), ("-lm", files[0]), ("-dict", files[1]), ("-logfn", "/dev/null")):
            config.set_string(option, value)
        # The built-in silence removal eats the soft beginnings of words: with it the fixture had errors.
        config.set_boolean("-remove_silence", False)
        # Half of the work, and no word of a fixture's fewer: mixtures are computed for every second frame. Of few words looking ahead for
        # phones costs more than it spares, and of many the 3000 likeliest states hold the sentence.
        config.set_int("-ds", 2)
        config.set_int(*(("-pl_window", 0) if model == "numbers" else ("-maxhmmpf", 3000)))
        return Decoder(config)

    def recognise(self, pcm, model, timeout):
        if not pcm:
            return []
        decoder = self._decoder(model)
        decoder.start_stream()          # forget the former fragment's noise level: same input, same words
        decoder.start_utt()
        # The whole fragment as one utterance: cepstral means over all of it, not a running guess.
        decoder.process_raw(audio.without_gaps(pcm), False, True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        return words.clean(hypothesis.hypstr) if hypothesis else []


register("asr", "pocketsphinx", Pocketsphinx)
assert sys.byteorder == "little", "the PCM on the wire is little-endian"
