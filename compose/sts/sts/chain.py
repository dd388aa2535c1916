"""What is done to a fragment: the whole chain, or one of the two engines that a test must be able to tell from it."""
import time

from . import audio, providers
from .log import log, redacted
from .words import sentence, transcript


class Echo:
    """Audio unchanged. No transcript and no translation: nothing was recognised, and the answer does not pretend."""

    description = {}
    source_languages = target_languages = models = ()

    def __init__(self, settings):
        pass

    def start(self):
        pass

    def process(self, job, report=None):
        return {"status": "success", "audio": (job["pcm"], job["rate"], job["channels"])}


class Silence(Echo):
    """Silence of the fragment's own length and format."""

    def process(self, job, report=None):
        return {"status": "success", "audio": (bytes(len(job["pcm"])), job["rate"], job["channels"])}


class Full:
    """Recognition, translation, synthesis. A stage whose engine died is started again and tried once more."""

    def __init__(self, settings):
        self.timeout = settings.stage_timeout
        self.source, self.target = settings.source_language, settings.target_language
        self.asr = providers.create("asr", settings.asr, settings)
        self.mt = providers.create("mt", settings.mt, settings)
        self.tts = providers.create("tts", settings.tts, settings)
        self.description = {"asr": settings.asr, "mt": settings.mt, "tts": settings.tts}
        self.source_languages, self.target_languages = self.asr.languages, self.mt.target_languages
        self.models = self.asr.models

    def start(self):
        for stage, offered, wanted, what in (("asr", self.source_languages, self.source, "does not hear"),
                                             ("mt", self.target_languages, self.target, "does not translate into"),
                                             ("tts", self.tts.languages, self.target, "has no voice for")):
            if offered and wanted not in offered:
                name = self.description[stage]
                raise providers.ProviderError(f"{providers.VARIABLES[stage]}={name} {what} {wanted!r}, only {', '.join(offered)}")
        for provider in (self.asr, self.mt, self.tts):
            provider.start()

    def process(self, job, report=lambda stage, result: None):
        """Never raises for an engine's failure: the answer's status and error say what is missing.

        `report` is told of each stage before it begins, with what there is until then: whoever waits knows what is late.
        """
        result = {"status": "success", "incidents": [], "stage_timings": {"asr_ms": 0, "translation_ms": 0, "tts_ms": 0}}
        frames = len(job["pcm"]) // (2 * job["channels"])
        count = audio.samples_at(frames, job["rate"], self.tts.rate)
        try:
            words = self._stage(result, report, "asr", self.asr, lambda: self._recognise(job))
            result["transcript"] = transcript(words)
            translated, sound = "", b""
            if words:
                translated = self._stage(result, report, "translation", self.mt,
                                         lambda: self.mt.translate(sentence(words, self.source), self.timeout))
            result["translated_text"] = translated
            if translated:
                sound = self._stage(result, report, "tts", self.tts, lambda: self._speak(translated, count))
            result["audio"] = (audio.fit(sound, self.tts.rate, count), self.tts.rate, 1)
        except _StageFailed as failed:
            result |= failure(result, failed.stage, str(failed), failed.code)
        return result

    def _recognise(self, job):
        pcm = audio.resampled(audio.mono(job["pcm"], job["channels"]), job["rate"], self.asr.rate, self.timeout)
        if audio.level(pcm, self.asr.rate) < audio.SPEECH_LEVEL:
            return []
        return self.asr.recognise(pcm, job["model"], self.timeout)

    def _speak(self, text, count):
        sound = self.tts.speak(text, count / self.tts.rate, self.timeout)
        return audio.fit(sound, self.tts.rate, count, self.timeout)

    def _stage(self, result, report, name, provider, work):
        report(name, result)
        began = time.perf_counter()
        try:
            made = self._attempt(result, name, provider, work)
            # A library that cannot be interrupted ends when it likes; an answer after its time is none all the same.
            if (took := time.perf_counter() - began) > self.timeout:
                raise _StageFailed(name, overdue(name, took, self.timeout), "TIMEOUT")
            return made
        finally:
            result["stage_timings"][f"{name}_ms"] = round((time.perf_counter() - began) * 1000, 1)

    def _attempt(self, result, name, provider, work):
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


class Mumble(Full):
    """The whole chain, but a voice that says nothing: noise as loud and as rhythmic as its speech. Only who listens can tell."""

    def process(self, job, report=lambda stage, result: None):
        result = super().process(job, report)
        if "audio" in result:
            sound, rate, channels = result["audio"]
            result["audio"] = (audio.vocoded(sound, rate), rate, channels)
        return result


class _StageFailed(Exception):
    def __init__(self, stage, message, code="MODEL_ERROR"):
        super().__init__(message)
        self.stage, self.code = stage, code


def overdue(stage, seconds, limit):
    return f"{stage} took {seconds:.1f} s, the limit is {limit:g} s (STS_STAGE_TIMEOUT_S)"


def failure(result, stage, message, code="MODEL_ERROR"):
    """What an answer says of a stage that failed. A transcript without sound is of use to a reader, not to a listener."""
    return {"status": "partial" if "transcript" in result else "failed",
            "error": {"code": code, "message": message, "stage": stage, "retryable": True}}


ENGINES = {"full": Full, "echo": Echo, "silence": Silence, "mumble": Mumble}


def create(settings):
    return ENGINES[settings.engine](settings)
