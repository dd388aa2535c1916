"""Synthesis with Kokoro-82M, 8 bit, through kokoro-onnx. In the image `models` only."""
import re
import subprocess

from .. import weights
from . import ProviderError, register

# Languages that the model was trained in and espeak-ng makes phonemes of, by espeak-ng's names. A voice speaks all of them,
# with the accent of its own.
LANGUAGES = {"en": "en-us", "es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
INPUTS = {"tokens", "style", "speed"}
PAUSE = re.compile(r"\s*([.,;:!?…]+)[\s¡¿]*")
SWITCH = re.compile(r"\([a-z-]+\)")     # where espeak-ng goes over to another language's sounds


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
        phonemes = self._phonemes(text, timeout)
        if not phonemes.strip(" .,;:!?…"):
            return b""                  # nothing that is said
        wave, _ = self.model.create(phonemes, self.voice, is_phonemes=True)
        # Clipped before it becomes 16 bit: peaks reach 1.13, and would come out as loud clicks of the other sign.
        return (numpy.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()


    def _phonemes(self, text, timeout):
        """Through the program, clause by clause, as it leaves punctuation out. kokoro-onnx's own way loads a copy of the library
        from the folder for temporary files, which in a container holds nothing that may be executed."""
        parts = PAUSE.split(text)       # clause, sign, clause, …
        said = [self._espeak(part, timeout) if part.strip(" ¡¿") else "" for part in parts[::2]]
        joined = "".join(clause + (sign[0] + " " if sign else "") for clause, sign in zip(said, parts[1::2] + [""]))
        return "".join(each for each in joined if each in self.model.tokenizer.vocab).strip()

    def _espeak(self, clause, timeout):
        command = ["espeak-ng", "-q", "--ipa", "-v", LANGUAGES[self.language], "--stdin"]
        try:
            result = subprocess.run(command, input=clause.encode(), capture_output=True, timeout=timeout, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise ProviderError(f"espeak-ng makes no phonemes: {error}") from None
        return SWITCH.sub("", " ".join(result.stdout.decode().split()))


register("tts", "kokoro", Kokoro)
