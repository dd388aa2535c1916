"""Recognition with Whisper, through faster-whisper (CTranslate2): 8 bit integers on the CPU. In the image `models` only."""
import os

from .. import weights, words
from . import ProviderError, register


class Whisper:
    rate = 16000
    models = ("numbers", "general")     # one model hears both: a stream may name either

    def __init__(self, settings):
        self.name, self.languages = settings.whisper_model, (settings.source_language,)
        self.model = None

    def start(self):
        """Loads a name such as `small` from the cache below HF_HOME, or a folder with a converted model."""
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise ProviderError(f"faster-whisper cannot be imported: {error}; it is in the image e2e-sts-models") from None
        try:
            # A name has no slash; a folder that is not there would be looked for in a hub, and the error would be about that.
            if "/" in self.name:
                weights.check(self.name, weights.WHISPER, "Whisper")
            self.model = WhisperModel(self.name, device="cpu", compute_type="int8", cpu_threads=_threads())
        except weights.WeightsError as error:
            raise ProviderError(str(error)) from None
        except Exception as error:      # huggingface_hub, CTranslate2 and the file system have no exception in common
            raise ProviderError(f"the Whisper model {self.name!r} cannot be loaded: {error}; {weights.MEND}") from None
        if self.languages[0] not in self.model.supported_languages:
            raise ProviderError(f"the Whisper model {self.name!r} does not hear {self.languages[0]!r}, "
                                f"only {', '.join(sorted(self.model.supported_languages))}")

    def stop(self):
        self.model = None

    def recognise(self, pcm, model, timeout):
        return words.spoken(self.written(pcm), self.languages[0])

    def readings(self, pcm):
        """The words, and what else its figures may have been: `1112` for eleven, twelve."""
        text = self.written(pcm)
        return [words.spoken(text, self.languages[0], in_pairs) for in_pairs in (False, True)]

    def written(self, pcm):
        """What it writes, with figures and punctuation; empty where nobody speaks."""
        if self.model is None:
            raise ProviderError("Whisper is not loaded", died=True)
        if not pcm:
            return ""
        import numpy
        samples = numpy.frombuffer(pcm, "<i2").astype(numpy.float32) / 32768
        if not self.speech_in(samples):
            return ""
        # One temperature, nothing carried over from other fragments: same input, same words. Figures are allowed, and spelled
        # afterwards: a model that must not write them loses words.
        segments, _ = self.model.transcribe(
            samples, language=self.languages[0], beam_size=5, temperature=0.0, condition_on_previous_text=False,
            without_timestamps=True)
        return " ".join(segment.text for segment in segments)

    def speech_in(self, samples):
        """Whether anybody speaks: Whisper makes words (`You`) of silence and of music. The detector comes with faster-whisper."""
        from faster_whisper.vad import VadOptions, get_speech_timestamps
        return bool(get_speech_timestamps(samples, VadOptions(threshold=SPEECH)))


# The detector's probability. Voices of all fixtures reach it, chords do not.
SPEECH = 0.5


def _threads():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


register("asr", "whisper", Whisper)
