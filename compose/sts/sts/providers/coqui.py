"""Synthesis with Coqui TTS (the maintained package is coqui-tts). In the image `models` only."""
import os

from . import ProviderError, register


class Coqui:
    rate = 22050                        # Hz; the model's own once it is loaded

    def __init__(self, settings):
        self.name, self.languages = settings.tts_model, (settings.target_language,)
        self.voice = None

    def start(self):
        """Loads a name such as `tts_models/es/css10/vits` from below TTS_HOME, or a folder with model_file.pth and config.json."""
        try:
            from TTS.api import TTS
        except ImportError as error:
            raise ProviderError(f"Coqui TTS cannot be imported: {error}; it is in the image e2e-sts-hub") from None
        try:
            if os.path.isdir(self.name):
                self.voice = TTS(model_path=os.path.join(self.name, "model_file.pth"),
                                 config_path=os.path.join(self.name, "config.json"), progress_bar=False, gpu=False)
            else:
                _refuse_to_download(self.name)
                self.voice = TTS(model_name=self.name, progress_bar=False, gpu=False)
        except ProviderError:
            raise
        except Exception as error:      # torch, the downloader and the file system have no exception in common
            raise ProviderError(f"the Coqui model {self.name!r} cannot be loaded: {error!r}") from None
        self.rate = self.voice.synthesizer.output_sample_rate

    def stop(self):
        self.voice = None

    def speak(self, text, seconds, timeout):
        """At the voice's own speed; `audio.fit` squeezes what is too long, with the pitch kept."""
        if self.voice is None:
            raise ProviderError("Coqui TTS is not loaded", died=True)
        import numpy
        import torch
        torch.manual_seed(0)            # VITS draws how long and how loud: same text, same sound
        wave = numpy.asarray(self.voice.tts(text=text, split_sentences=False), dtype=numpy.float32)
        return (numpy.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()


def _refuse_to_download(name):
    """While streams are dubbed nothing is fetched: a start must not depend on somebody's server."""
    folder = os.path.join(os.environ.get("TTS_HOME", ""), "tts", name.replace("/", "--"))
    if os.environ.get("HF_HUB_OFFLINE") == "1" and not os.path.isdir(folder):
        raise ProviderError(f"the Coqui model {name!r} is not in {folder}: `make models STS_PROVIDERS=hub` fetches it into the volume e2e-sts-models")


register("tts", "coqui", Coqui)
