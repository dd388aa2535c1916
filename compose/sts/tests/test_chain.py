"""The chain and its processes with engines that take their time, fail, or say things with capitals."""
import asyncio
import os
import threading
import time
import unittest
from unittest import mock

from sts import audio, chain, providers, settings
from sts.pool import EngineDied, EngineFailed, EnginePool, EngineProcess
from sts.providers import ProviderError

PCM = (b"\0\x40" * 160 + b"\0\xc0" * 160) * 50      # loud enough to be asked about
JOB = {"pcm": PCM, "rate": 16000, "channels": 1, "model": "general"}


class Asr:
    rate, languages, models = 16000, ("en",), ("general",)
    words, seconds = ["i", "have", "a", "dog"], 0.0

    def __init__(self, settings):
        pass

    def start(self):
        pass

    stop = start

    def recognise(self, pcm, model, timeout):
        time.sleep(self.seconds)
        return list(self.words)


class Mt(Asr):
    target_languages = ("es",)
    asked = []

    def translate(self, text, timeout):
        self.asked.append(text)
        time.sleep(self.seconds)
        return "tengo un perro"


class Tts(Asr):
    languages, rate = ("es",), 16000

    def speak(self, text, seconds, timeout):
        time.sleep(self.seconds)
        return b"\1\0" * 100


class Hanging(Tts):
    """Cannot be interrupted, as a library in C cannot."""

    def speak(self, text, seconds, timeout):
        time.sleep(600)


class Dying(Tts):
    def speak(self, text, seconds, timeout):
        os._exit(9)


class French(Tts):
    languages = ("fr", "it")


# Also in the engine's own process, which imports this module because STS_PLUGINS names it.
for stage, kind in (("asr", Asr), ("mt", Mt), ("tts", Tts), ("tts", Hanging), ("tts", Dying), ("tts", French)):
    providers.register(stage, f"z-{kind.__name__.lower()}", kind)


def loaded(tts="tts", limit="0.3", **more):
    return settings.load({"STS_ASR": "z-asr", "STS_MT": "z-mt", "STS_TTS": f"z-{tts}", "STS_STAGE_TIMEOUT_S": limit,
                          "STS_PLUGINS": "tests.test_chain", "STS_WORKERS": "1", **more})


class ChainTests(unittest.TestCase):
    def process(self, slow=None, **changes):
        engine = chain.Full(loaded(**changes))
        engine.start()
        if slow:
            getattr(engine, slow).seconds = 0.4
        return engine.process(JOB)

    def test_the_pronoun_reaches_the_translator_and_the_transcript_is_lower_case(self):
        Mt.asked.clear()
        result = self.process()
        self.assertEqual((result["status"], result["transcript"]), ("success", "i have a dog"))
        self.assertEqual(Mt.asked, ["I have a dog"])

    def test_a_stage_over_its_limit_is_a_failure_whatever_it_returns(self):
        for slow, stage, status in (("asr", "asr", "failed"), ("mt", "translation", "partial"), ("tts", "tts", "partial")):
            with self.subTest(slow=slow):
                result = self.process(slow)
                self.assertEqual((result["status"], result["error"]["stage"], result["error"]["code"]), (status, stage, "TIMEOUT"))
                self.assertRegex(result["error"]["message"], rf"{stage} took (0\.[4-9]|[1-9]\d*\.\d) s, the limit is 0\.3 s")
                self.assertNotIn("audio", result)

    def test_a_mumbling_voice_is_as_long_and_as_loud_and_says_nothing(self):
        engine = chain.Mumble(loaded())
        engine.tts.speak = lambda text, seconds, timeout: PCM
        result = engine.process(JOB)
        sound, rate, _ = result["audio"]
        self.assertEqual((result["status"], result["transcript"]), ("success", "i have a dog"))
        self.assertEqual((len(sound), rate), (len(PCM), 16000))
        for start in range(0, len(sound) - 640, 6400):
            self.assertAlmostEqual(audio.level(sound[start:start + 640], rate), audio.level(PCM[start:start + 640], rate), delta=1.5)
        self.assertNotEqual(sound, PCM)
        self.assertEqual(audio.vocoded(bytes(6400), rate), bytes(6400), "silence stays silent")

    def test_a_language_without_a_voice_or_a_translator_or_ears_is_refused_at_the_start(self):
        for changes, words in (({"tts": "french"}, "STS_TTS=z-french has no voice for 'es', only fr, it"),
                               ({"TARGET_LANGUAGE": "de"}, "STS_MT=z-mt does not translate into 'de', only es"),
                               ({"SOURCE_LANGUAGE": "fr"}, "STS_ASR=z-asr does not hear 'fr', only en")):
            with self.subTest(changes=changes), self.assertRaises(ProviderError) as caught:
                chain.Full(loaded(**changes)).start()
            self.assertEqual(str(caught.exception), words)


class ProcessTests(unittest.IsolatedAsyncioTestCase):
    async def process(self, tts):
        pool = EnginePool(loaded(tts))
        await pool.start()
        told = []
        began = time.monotonic()
        result = await pool.process(JOB, told.append)
        took = time.monotonic() - began
        left = pool.idle.get_nowait()
        if left:
            left.kill()
        pool.threads.shutdown()
        return result, told, took

    async def test_an_engine_that_hangs_is_killed_at_its_limit_and_what_was_heard_is_told(self):
        result, _, took = await self.process("hanging")
        self.assertEqual((result["status"], result["transcript"], result["error"]["stage"]), ("partial", "i have a dog", "tts"))
        self.assertEqual(result["error"]["code"], "TIMEOUT")
        self.assertLess(took, 8, "not tried again: that would take as long once more")

    async def test_an_engine_that_dies_is_started_again_and_tried_once_more(self):
        result, told, _ = await self.process("dying")
        self.assertEqual((result["status"], len(told)), ("failed", 1))
        self.assertIn("ended with exit code 9", result["error"]["message"])

    async def test_a_second_engine_is_loaded_when_the_first_is_busy_and_nobody_waits_for_it_who_need_not(self):
        pool, loaded_engines, free = EnginePool(loaded(STS_WORKERS="2")), [], threading.Event()

        class Engine:
            about, process = {}, mock.Mock(**{"is_alive.return_value": True})

            def __init__(self, _):
                loaded_engines.append(self)
                self.number = len(loaded_engines)
                if self.number == 2:
                    free.wait(60)

            def process_job(self, job, limit):
                job["begun"].set()
                job["go"].wait(60)
                return {"status": "success", "engine": self.number}

        def job(open_at_once=True):
            made = {"begun": threading.Event(), "go": threading.Event()}
            if open_at_once:
                made["go"].set()
            return made

        with mock.patch("sts.pool.EngineProcess", Engine):
            await pool.start()
            for _ in range(3):
                self.assertEqual((await pool.process(job(), print))["engine"], 1)
            self.assertEqual(len(loaded_engines), 1, "one after the other needs one engine")
            long = job(open_at_once=False)
            first = asyncio.ensure_future(pool.process(long, print))
            await asyncio.to_thread(long["begun"].wait, 60)
            second = asyncio.ensure_future(pool.process(job(), print))
            while len(loaded_engines) < 2:
                await asyncio.sleep(0.01)
            # The other engine is not ready yet: the first one is taken as soon as it is free.
            long["go"].set()
            self.assertEqual([(await each)["engine"] for each in (first, second)], [1, 1])
            free.set()
            while pool.loading:
                await asyncio.sleep(0.01)
            self.assertEqual(pool.idle.qsize(), 2)
            both = [job(open_at_once=False), job(open_at_once=False)]
            answers = [asyncio.ensure_future(pool.process(each, print)) for each in both]
            for each in both:
                await asyncio.to_thread(each["begun"].wait, 60)
            for each in both:
                each["go"].set()
            self.assertEqual({(await each)["engine"] for each in answers}, {1, 2})
            self.assertEqual(len(loaded_engines), 2)
        pool.threads.shutdown()

    async def test_another_engine_that_cannot_be_loaded_is_tried_again_when_it_is_needed_and_fails_no_fragment(self):
        pool = EnginePool(loaded(STS_WORKERS="2"))
        pool.idle.put_nowait(first := mock.Mock())
        first.process_job.return_value = {"status": "success"}
        first.process.is_alive.return_value = True
        with mock.patch("sts.pool.EngineProcess", side_effect=EngineDied("no memory")) as load:
            for _ in range(2):
                engine = pool.idle.get_nowait()             # busy
                answer = asyncio.ensure_future(pool.process(JOB, print))
                while not load.called or pool.loading:
                    await asyncio.sleep(0.01)
                load.reset_mock()
                pool.idle.put_nowait(engine)
                self.assertEqual((await answer)["status"], "success")
        pool.threads.shutdown()

    async def test_what_cannot_start_is_one_sentence(self):
        with self.assertRaises(EngineFailed) as caught:
            await asyncio.to_thread(EngineProcess, loaded("french"))
        self.assertEqual(str(caught.exception), "STS_TTS=z-french has no voice for 'es', only fr, it")


if __name__ == "__main__":
    unittest.main()
