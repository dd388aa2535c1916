"""Synthesis with Kokoro-82M, 8 bit, through kokoro-onnx. In the image `models` only."""
from .. import weights
from . import ProviderError, register

# Languages that the model was trained in and espeak-ng makes phonemes of, by espeak-ng's names. A voice speaks all of them,
# with the accent of its own.
LANGUAGES = {"en": "en-us", "es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
INPUTS = {"tokens", "style", "speed"}


class Kokoro:
    rate = 24000
    languages = tuple(LANGUAGES)

    def __init__(self, settings):
        self.folder, self.voice, self.language = settings.kokoro_model, settings.kokoro_voice, settings.target_language
        self.model = None

    def start(self):
        try:
            from kokoro_onnx import Kokoro as Model
        except ImportError as error:
            raise ProviderError(f"kokoro-onnx cannot be imported: {error}; it is in the image e2e-sts-models") from None
        if self.language not in LANGUAGES:
            raise ProviderError(f"Kokoro has no voice for {self.language!r}, only for {', '.join(LANGUAGES)}")
        try:
            weights.check(self.folder, weights.KOKORO, "Kokoro")
            self.model = Model(f"{self.folder}/model.onnx", f"{self.folder}/voices.npz")
        except weights.WeightsError as error:
            raise ProviderError(str(error)) from None
        except Exception as error:      # onnxruntime, numpy and the file system have no exception in common
            raise ProviderError(f"the Kokoro model {self.folder!r} cannot be loaded: {error}; {weights.MEND}") from None
        inputs = {each.name.replace("input_ids", "tokens") for each in self.model.sess.get_inputs()}
        if inputs != INPUTS:
            raise ProviderError(f"{self.folder}/model.onnx is no Kokoro model: it takes {', '.join(sorted(inputs))}, "
                                f"not {', '.join(sorted(INPUTS))}")
        voices = sorted(self.model.voices.files)
        if self.voice not in voices:
            raise ProviderError(f"STS_KOKORO_VOICE={self.voice!r} is not in {self.folder}/voices.npz, which has {', '.join(voices)}")

    def stop(self):
        self.model = None

    def speak(self, text, seconds, timeout):
        """At the voice's own speed; `audio.fit` squeezes what is too long, with the pitch kept."""
        if self.model is None:
            raise ProviderError("Kokoro is not loaded", died=True)
        import numpy
        phonemes = self.model.tokenizer.phonemize(text, LANGUAGES[self.language])
        if not phonemes.strip(" .,;:!?"):
            return b""                  # nothing that is said
        wave, _ = self.model.create(phonemes, self.voice, is_phonemes=True)
        # Clipped before it becomes 16 bit: peaks reach 1.13, and would come out as loud clicks of the other sign.
        return (numpy.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()


register("tts", "kokoro", Kokoro)
