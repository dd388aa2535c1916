"""Recognition with Whisper, through faster-whisper (CTranslate2): 8 bit integers on the CPU. In the image `models` only."""
import os

from .. import words
from . import ProviderError, register


class Whisper:
    rate = 16000
    models = ("numbers", "general")     # one model hears both: a stream may name either

    def __init__(self, settings):
        self.name, self.languages = settings.whisper_model, (settings.source_language,)
        self.model, self.suppressed = None, []

    def start(self):
        """Loads a name such as `small` from the cache below HF_HOME, or a folder with a converted model."""
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise ProviderError(f"faster-whisper cannot be imported: {error}; it is in the image e2e-sts-models") from None
        try:
            self.model = WhisperModel(self.name, device="cpu", compute_type="int8", cpu_threads=_threads())
        except Exception as error:      # huggingface_hub, CTranslate2 and the file system have no exception in common
            raise ProviderError(f"the Whisper model {self.name!r} cannot be loaded: {error}; "
                                "`make models` fetches it into the volume e2e-sts-models") from None
        # -1: the signs that the model itself lists, such as notes. Without figures it writes `twenty one`, not `21`.
        vocabulary = self.model.hf_tokenizer.get_vocab()
        self.suppressed = [-1] + sorted(
            number for token, number in vocabulary.items()
            if any(c.isdigit() for c in token) and not token.startswith("<|"))

    def stop(self):
        self.model = None

    def recognise(self, pcm, model, timeout):
        if self.model is None:
            raise ProviderError("Whisper is not loaded", died=True)
        if not pcm:
            return []
        import numpy
        samples = numpy.frombuffer(pcm, "<i2").astype(numpy.float32) / 32768
        # One temperature, nothing carried over from other fragments: same input, same words.
        segments, _ = self.model.transcribe(
            samples, language=self.languages[0], beam_size=5, temperature=0.0, condition_on_previous_text=False,
            without_timestamps=True, suppress_tokens=self.suppressed)
        return words.spoken(" ".join(segment.text for segment in segments))


def _threads():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


register("asr", "whisper", Whisper)
