"""What is done to a fragment: the whole chain, or one of the two engines that a test must be able to tell from it."""
import time

from . import audio, providers
from .log import log, redacted
from .words import sentence


class Echo:
    """Audio unchanged. No transcript and no translation: nothing was recognised, and the answer does not pretend."""

    description = {}
    source_languages = target_languages = models = ()

    def __init__(self, settings):
        pass

    def start(self):
        pass

    def process(self, job):
        return {"status": "success", "audio": (job["pcm"], job["rate"], job["channels"])}


class Silence(Echo):
    """Silence of the fragment's own length and format."""

    def process(self, job):
        return {"status": "success", "audio": (bytes(len(job["pcm"])), job["rate"], job["channels"])}


class Full:
    """Recognition, translation, synthesis. A stage whose engine died is started again and tried once more."""

    def __init__(self, settings):
        self.timeout = settings.stage_timeout
        self.asr = providers.create("asr", settings.asr, settings)
        self.mt = providers.create("mt", settings.mt, settings)
        self.tts = providers.create("tts", settings.tts, settings)
        self.description = {"asr": settings.asr, "mt": settings.mt, "tts": settings.tts}
        self.source_languages, self.target_languages = self.asr.languages, self.mt.target_languages
        self.models = self.asr.models

    def start(self):
        for provider in (self.asr, self.mt, self.tts):
            provider.start()

    def process(self, job):
        """Never raises for an engine's failure: the answer's status and error say what is missing."""
        result = {"status": "success", "incidents": [], "stage_timings": {"asr_ms": 0, "translation_ms": 0, "tts_ms": 0}}
        frames = len(job["pcm"]) // (2 * job["channels"])
        count = audio.samples_at(frames, job["rate"], self.tts.rate)
        try:
            words = self._stage(result, "asr", self.asr, lambda: self._recognise(job))
            result["transcript"] = " ".join(words)
            translated, sound = "", b""
            if words:
                translated = self._stage(result, "translation", self.mt,
                                         lambda: self.mt.translate(sentence(words), self.timeout))
            result["translated_text"] = translated
            if translated:
                sound = self._stage(result, "tts", self.tts, lambda: self._speak(translated, count))
            result["audio"] = (audio.fit(sound, self.tts.rate, count), self.tts.rate, 1)
        except _StageFailed as failed:
            # A transcript without sound is of use to a reader, not to a listener.
            result["status"] = "partial" if "transcript" in result else "failed"
            result["error"] = {"code": "MODEL_ERROR", "message": str(failed), "stage": failed.stage, "retryable": True}
        return result

    def _recognise(self, job):
        pcm = audio.resampled(audio.mono(job["pcm"], job["channels"]), job["rate"], self.asr.rate, self.timeout)
        if audio.level(pcm, self.asr.rate) < audio.SPEECH_LEVEL:
            return []
        return self.asr.recognise(pcm, job["model"], self.timeout)

    def _speak(self, text, count):
        sound = self.tts.speak(text, count / self.tts.rate, self.timeout)
        return audio.fit(sound, self.tts.rate, count, self.timeout)

    def _stage(self, result, name, provider, work):
        began = time.perf_counter()
        try:
            try:
                return work()
            except Exception as error:
                if not getattr(error, "died", False):
                    raise
                log(f"{name} died, starting it again:", error)
                result["incidents"].append({"stage": name, "message": redacted(f"{error}; started again")})
                provider.start()
                return work()
        except Exception as error:      # whatever an engine throws fails this fragment, not the server
            log(f"{name} failed:", repr(error))
            # It goes to the client, so that what is kept out of the log is kept out of it, too.
            raise _StageFailed(name, redacted(str(error) or repr(error))) from error
        finally:
            result["stage_timings"][f"{name}_ms"] = round((time.perf_counter() - began) * 1000, 1)


class _StageFailed(Exception):
    def __init__(self, stage, message):
        super().__init__(message)
        self.stage = stage


ENGINES = {"full": Full, "echo": Echo, "silence": Silence}


def create(settings):
    return ENGINES[settings.engine](settings)
