"""The parts without socket or process:  python3 -m unittest discover -s tests -t .  (from compose/sts)."""
import base64
import importlib.util
import json
import math
import random
import shutil
import struct
import unittest

from sts import audio, contract, listen, number_model, settings, words
from sts.contract import Refused
from sts.stream import ACCEPTED, ANSWERED, KEPT_ANSWERS, PENDING, Stream, pressure_level

CONFIG = {"source_language": "en-US", "target_language": "es", "voice_profile": "default", "chunk_duration_ms": 6000,
          "sample_rate_hz": 16000, "channels": 1, "format": "pcm_s16le"}
MODELS = ("numbers", "general")


def init(**changes):
    payload = {"stream_id": "s", "worker_id": "w", "config": dict(CONFIG)}
    payload["config"].update({k: v for k, v in changes.items() if k not in ("stream_id", "max_inflight")})
    payload.update({k: v for k, v in changes.items() if k in ("stream_id", "max_inflight")})
    return contract.parse_init(payload, 3, "numbers", MODELS)


def fragment(sequence, pcm=b"\1\0" * 160, name=None, **audio_changes):
    payload = {"fragment_id": name or f"f{sequence}", "stream_id": "s", "sequence_number": sequence, "timestamp": 0,
               "audio": {"format": "pcm_s16le", "sample_rate_hz": 16000, "channels": 1, "duration_ms": 10,
                         "data_base64": base64.b64encode(pcm).decode(), **audio_changes}}
    return contract.parse_fragment(payload)


def answer(sequence, status="success"):
    return {"sequence_number": sequence, "status": status, "processing_time_ms": 5.0}


class WordTests(unittest.TestCase):
    def test_fillers_and_variants_are_no_words(self):
        self.assertEqual(words.clean("<sil> One THE(2) [NOISE] ++UH++ two"), ["one", "the", "two"])
        self.assertEqual(words.clean(""), [])

    def test_written_text_becomes_the_words_that_were_said(self):
        self.assertEqual(words.spoken(" Twenty-one, twenty two… It's the niño’s! "),
                         ["twenty", "one", "twenty", "two", "it's", "the", "niño’s"])
        self.assertEqual(words.spoken(" ... ♪ "), [])

    def test_spoken_numbers_are_grouped(self):
        self.assertEqual(words.sentence("nineteen twenty twenty one twenty two".split()),
                         "nineteen, twenty, twenty-one, twenty-two")
        self.assertEqual(words.sentence("one two thirty".split()), "one, two, thirty")
        self.assertEqual(words.sentence("ten one".split()), "ten, one")

    def test_other_text_gets_no_commas(self):
        self.assertEqual(words.sentence("she has twenty one cars".split()), "she has twenty-one cars")

    def test_what_english_writes_with_a_capital_has_it(self):
        for heard, written in (("i have a dog", "I have a dog"), ("now i'm here and i'll stay", "now I'm here and I'll stay"),
                               ("she said i’d come on monday", "she said I’d come on Monday"),
                               ("in january it may march on", "in January it may march on"), ("id in it", "id in it")):
            with self.subTest(heard=heard):
                self.assertEqual(words.sentence(heard.split()), written)
        self.assertEqual(words.sentence("lunedì i ragazzi".split(), "it"), "lunedì i ragazzi", "in Italian, i is an article")

    def test_capitals_that_a_recogniser_writes_are_kept_but_not_those_of_a_beginning(self):
        heard = words.spoken("The train to Paris. We saw John, I think! His name… John")
        self.assertEqual(" ".join(heard), "the train to Paris we saw John I think his name john")
        self.assertEqual(words.transcript(heard), "the train to paris we saw john i think his name john")

    def test_figures_are_spelled_as_they_are_said(self):
        for written, said in (
                ("1, 2, 3, 4", "one two three four"), ("19 20 21 22", "nineteen twenty twenty one twenty two"),
                ("1,2,3", "one two three"), ("30.", "thirty"), ("7-8-9", "seven eight nine"), ("0", "zero"),
                ("1,250 people", "one thousand two hundred fifty people"), ("100 and 101", "one hundred and one hundred one"),
                ("in 1999 or 2026", "in nineteen ninety nine or twenty twenty six"), ("1905", "nineteen oh five"),
                ("2000", "two thousand"), ("3.5 miles", "three point five miles"), ("50%", "fifty percent"),
                ("$20 more", "twenty dollars more"), ("the 1st, 2nd, 20th and 31st", "the first second twentieth and thirty first"),
                ("5:30", "five thirty"), ("room 007", "room zero zero seven"), ("mp3", "mp three"),
                ("2000000", "two million")):
            with self.subTest(written=written):
                self.assertEqual(words.transcript(words.spoken(written)), said)

    def test_figures_are_spelled_in_the_language_that_was_heard(self):
        for written, said in (("1, 2, 16, 21, 31", "uno dos dieciséis veintiuno treinta y uno"), ("100 y 105", "cien y ciento cinco"),
                              ("1.250", "mil doscientos cincuenta"), ("21.000", "veintiún mil"), ("3,5", "tres coma cinco"),
                              ("1,2,3", "uno dos tres"), ("2026", "dos mil veintiséis"), ("50 %", "cincuenta por ciento"),
                              ("1000000", "un millón")):
            with self.subTest(written=written):
                self.assertEqual(words.transcript(words.spoken(written, "es")), said)
        self.assertEqual(words.spoken("21 Uhr", "de"), ["21", "Uhr"], "a language that is not known is left alone")

    def test_figures_run_together_may_be_the_numbers_of_a_list(self):
        for written, said in (("7-8-9-10-1112", "siete ocho nueve diez once doce"), ("10.112", "diez uno doce"),
                              ("7, 8,9", "siete ocho nueve"), ("25262728", "veinticinco veintiséis veintisiete veintiocho"),
                              ("dos mil", "dos mil")):
            with self.subTest(written=written):
                self.assertEqual(words.transcript(words.spoken(written, "es", in_pairs=True)), said)
        self.assertEqual(words.spoken("101112", in_pairs=True), ["ten", "eleven", "twelve"])


class ListenTests(unittest.TestCase):
    def heard(self, recogniser, loudness=8000):
        pcm = struct.pack("<h", loudness) * 16000
        clip = json.dumps({"id": 7, "sample_rate_hz": 16000, "data_base64": base64.b64encode(pcm).decode()})
        return list(listen.listen(recogniser, [clip]))

    def test_one_who_writes_figures_says_how_else_they_may_be_read(self):
        class Writer:
            rate = 16000

            def readings(self, pcm):
                return [["mil", "Once"], ["mil", "once"], ["diez", "once"]]

        self.assertEqual(self.heard(Writer()), [{"id": 7, "text": "mil once", "readings": ["diez once"]}])
        self.assertEqual(self.heard(Writer(), loudness=0), [{"id": 7, "text": ""}])

    def test_one_who_does_not_has_one_reading(self):
        class Other:
            rate = 16000

            def recognise(self, pcm, model, timeout):
                return ["uno", "dos"]

        self.assertEqual(self.heard(Other()), [{"id": 7, "text": "uno dos"}])


class NumberModelTests(unittest.TestCase):
    def test_each_history_sums_to_one(self):
        sums = {}
        for line in number_model.arpa().split("\\2-grams:\n")[1].splitlines():
            if line and not line.startswith("\\"):
                share, first, _ = line.split()
                sums[first] = sums.get(first, 0) + 10 ** float(share)
        for first, total in sums.items():
            self.assertAlmostEqual(total, 0.95 if first == "<s>" else 1, places=2, msg=first)

    def test_counting_order_is_not_known(self):
        self.assertEqual(number_model._next("one", "two"), number_model._next("one", "nineteen"))
        self.assertTrue(math.isclose(number_model._next("twenty", "one"), number_model._next("twenty", "nine")))

    def test_dictionary_keeps_number_words_only(self):
        self.assertEqual(number_model.dictionary(["one W AH N\n", "one(2) HH W AH N\n", "onerous X\n", "two T UW\n"]),
                         "one W AH N\none(2) HH W AH N\ntwo T UW\n")


class AudioTests(unittest.TestCase):
    def test_channels_are_mixed_at_equal_weight(self):
        self.assertEqual(audio.mono(struct.pack("<4h", 100, 300, -100, 100), 2), struct.pack("<2h", 200, 0))
        self.assertEqual(audio.mono(struct.pack("<3h", 300, 600, 900), 3), struct.pack("<h", 600))

    def test_short_sound_is_padded(self):
        self.assertEqual(audio.fit(b"\1\0\2\0", 22050, 4), b"\1\0\2\0" + bytes(4))
        self.assertEqual(audio.fit(b"", 22050, 3), bytes(6))
        self.assertEqual(audio.fit(b"\1\0", 22050, 0), b"")

    def test_level_is_that_of_the_loudest_moment(self):
        self.assertEqual(audio.level(bytes(640), 16000), -math.inf)
        self.assertEqual(audio.level(b"", 16000), -math.inf)
        loud = bytes(6400) + struct.pack("<h", 16384) * 320 + bytes(6400)
        self.assertAlmostEqual(audio.level(loud, 16000), -6.02, places=1)
        self.assertLess(audio.level(struct.pack("<2h", 1, -1) * 1600, 16000), audio.SPEECH_LEVEL)

    def test_digital_silence_gets_noise_and_sound_is_left_alone(self):
        sound = struct.pack("<160h", *([300, -256] * 80))
        for before in (b"", sound, sound + struct.pack("<h", 256)):     # 256: its lower byte is zero
            filled = audio.without_gaps(before + bytes(6400) + sound)
            self.assertEqual(len(filled), len(before) + 6400 + len(sound))
            self.assertEqual((filled[:len(before)], filled[-len(sound):]), (before, sound))
            gap = struct.unpack("<3200h", filled[len(before):-len(sound)])
            self.assertEqual(set(gap), {-1, 0, 1})
        self.assertEqual(audio.without_gaps(sound + bytes(100) + sound), sound + bytes(100) + sound, "zeros occur in sound")
        self.assertEqual(audio.without_gaps(bytes(640)), audio.without_gaps(bytes(640)), "the same twice")

    def test_sample_counts_are_exact(self):
        self.assertEqual(audio.samples_at(96000, 16000, 22050), 132300)
        self.assertEqual(audio.samples_at(1, 48000, 22050), 0)

    @unittest.skipUnless(shutil.which("sox"), "sox is missing: run this in the image, which has it")
    def test_long_sound_is_squeezed_to_the_sample(self):
        tone = b"".join(struct.pack("<h", int(8000 * math.sin(i / 8))) for i in range(22050 * 2))
        for count in (22050, 30000, 44099):
            fitted = audio.fit(tone, 22050, count)
            self.assertEqual(len(fitted), 2 * count)
            self.assertTrue(any(fitted[-count // 5:]), "the end of the sound was cut off instead of squeezed")
            self.assertEqual(fitted, audio.fit(tone, 22050, count), "squeezing is not deterministic")

    @unittest.skipUnless(shutil.which("sox"), "sox is missing: run this in the image, which has it")
    def test_resampling_keeps_the_length(self):
        self.assertAlmostEqual(len(audio.resampled(bytes(2 * 48000), 48000, 16000)) // 2, 16000, delta=2)


class ContractTests(unittest.TestCase):
    def refusal(self, code, work):
        with self.assertRaises(Refused) as caught:
            work()
        self.assertEqual(caught.exception.code, code)
        return caught.exception

    def test_a_good_configuration(self):
        config = init(max_inflight=9, asr_model="general")
        self.assertEqual((config.source_language, config.target_language, config.max_inflight, config.asr_model),
                         ("en", "es", 3, "general"))

    def test_bad_configurations_name_the_field(self):
        for changes, word in (({"sample_rate_hz": "16000"}, "sample_rate_hz"), ({"channels": 0}, "channels"),
                              ({"format": "mp3"}, "format"), ({"source_language": ""}, "source_language"),
                              ({"asr_model": "best"}, "asr_model"), ({"max_inflight": 0}, "max_inflight"),
                              ({"channels": True}, "channels"), ({"chunk_duration_ms": 1}, "chunk_duration_ms")):
            with self.subTest(changes=changes):
                refused = self.refusal("INVALID_CONFIG", lambda: init(**changes))
                self.assertIn(word, str(refused))
                self.assertEqual(refused.payload()["stream_id"], "s")
        for payload in (None, [], "x", {}, {"stream_id": 5}, {"stream_id": "s"}, {"stream_id": "s", "config": []}):
            self.refusal("INVALID_CONFIG", lambda: contract.parse_init(payload, 3, "numbers", MODELS))

    def test_fragments_in_both_forms(self):
        text = fragment(0)
        attachment = fragment(0, data_base64=b"\1\0" * 160)
        self.assertEqual((text.pcm, text.digest), (attachment.pcm, attachment.digest))
        self.assertEqual(text.duration_ms, 10)
        self.assertIsInstance(contract.dubbed_audio(text, b"\0\0", 22050, 1)["data_base64"], str)
        self.assertIsInstance(contract.dubbed_audio(attachment, b"\0\0", 22050, 1)["data_base64"], bytes)

    def test_bad_fragments(self):
        for code, work in (("INVALID_CONFIG", lambda: fragment(0, b"odd")),
                           ("INVALID_CONFIG", lambda: fragment(0, data_base64="!!!!")),
                           ("INVALID_CONFIG", lambda: fragment(0, data_base64=None)),
                           ("INVALID_CONFIG", lambda: fragment(0, channels=2, data_base64="AAA=")),
                           ("INVALID_CONFIG", lambda: fragment(-1, name="f0")),
                           ("FRAGMENT_TOO_LARGE", lambda: fragment(0, data_base64="A" * (contract.MAX_FRAGMENT + 4))),
                           ("FRAGMENT_TOO_LARGE", lambda: fragment(0, data_base64=bytes(contract.MAX_FRAGMENT)))):
            self.assertEqual(self.refusal(code, work).fragment_id, "f0")

    def test_answers_declare_what_they_hold(self):
        sent = contract.dubbed_audio(fragment(0), bytes(2 * 132300), 22050, 1)
        self.assertEqual((sent["sample_rate_hz"], sent["channels"], sent["duration_ms"]), (22050, 1, 6000))


class StreamTests(unittest.TestCase):
    def setUp(self):
        self.stream = Stream(init(), "session")

    def accept(self, *sequences):
        fragments = {n: fragment(n) for n in sequences}
        for each in fragments.values():
            self.assertEqual(self.stream.accept(each, 100), ACCEPTED)
        return fragments

    def test_answers_leave_in_order_whatever_the_order_of_work(self):
        generator = random.Random(7)
        for _ in range(50):
            self.stream = Stream(init(), "session")
            fragments = self.accept(*generator.sample(range(12), 12))
            sent = []
            for sequence in generator.sample(range(12), 12):
                sent += self.stream.finish(fragments[sequence], answer(sequence))
            self.assertEqual([a["sequence_number"] for a in sent], list(range(12)))

    def test_a_fragment_sent_again_is_not_processed_again(self):
        first = self.accept(0)[0]
        self.assertEqual(self.stream.accept(fragment(0), 100), PENDING)
        self.stream.finish(first, answer(0))
        self.assertEqual(self.stream.accept(fragment(0), 100), (ANSWERED, answer(0)))
        self.assertEqual(self.stream.summary()["statistics"]["resent_count"], 2)

    def test_a_fragment_that_waits_for_an_earlier_one_is_not_answered_early(self):
        second = self.accept(1)[1]
        self.assertEqual(self.stream.finish(second, answer(1)), [])
        self.assertEqual(self.stream.accept(fragment(1), 100), PENDING)

    def test_a_used_number_is_refused(self):
        first = self.accept(0)[0]
        for other in (fragment(0, name="other"), fragment(0, pcm=b"\2\0")):
            with self.assertRaises(Refused) as caught:
                self.stream.accept(other, 100)
            self.assertEqual(caught.exception.code, "INVALID_SEQUENCE")
        self.stream.finish(first, answer(0))
        with self.assertRaises(Refused):
            self.stream.accept(fragment(0, name="other"), 100)

    def test_a_worker_that_starts_anew_begins_at_zero_again(self):
        self.stream.finish(self.accept(0)[0], answer(0))
        self.stream.reopen(init(), "second session")
        self.assertEqual(self.stream.accept(fragment(0, pcm=b"\2\0"), 100), ACCEPTED)

    def test_only_the_last_answers_are_kept(self):
        for sequence in range(KEPT_ANSWERS + 1):
            self.stream.finish(self.accept(sequence)[sequence], answer(sequence))
        with self.assertRaises(Refused):
            self.stream.accept(fragment(0), 100)
        self.assertEqual(self.stream.accept(fragment(1), 100)[0], ANSWERED)

    def test_a_missing_fragment_is_named_and_can_be_given_up(self):
        later = self.accept(2, 3)
        self.assertIsNone(self.stream.missing, "nothing waits yet")
        self.stream.finish(later[3], answer(3))
        self.assertEqual(self.stream.missing, 0)
        skipped, due = self.stream.skip_missing()
        self.assertEqual((skipped, due), ((0, 1), []))
        self.assertEqual(len(self.stream.finish(later[2], answer(2))), 2)
        with self.assertRaises(Refused):
            self.stream.accept(fragment(0), 100)

    def test_the_queue_is_bounded(self):
        self.accept(0, 1)
        with self.assertRaises(Refused) as caught:
            self.stream.accept(fragment(2), 2)
        self.assertEqual((caught.exception.code, caught.exception.retryable), ("QUEUE_FULL", True))

    def test_summary(self):
        fragments = self.accept(0, 1)
        self.stream.finish(fragments[0], answer(0))
        self.stream.finish(fragments[1], answer(1, "partial"))
        self.stream.ending = True
        self.assertTrue(self.stream.finished)
        summary = self.stream.summary()
        self.assertEqual((summary["total_fragments"], summary["total_duration_ms"]), (2, 20))
        self.assertEqual(summary["statistics"]["partial_count"], 1)

    def test_pressure(self):
        self.assertEqual([pressure_level(n, 2, 4) for n in range(6)], ["low", "low", "medium", "medium", "high", "high"])


class SettingsTests(unittest.TestCase):
    def test_defaults(self):
        loaded = settings.load({"STS_WORKERS": ""})
        self.assertEqual((loaded.engine, loaded.emit, loaded.namespace, loaded.port), ("full", "session", "/", 3000))

    def test_what_cannot_be_used_is_named(self):
        for name, value in (("STS_ENGINE", "loud"), ("STS_EMIT", "all"), ("STS_NAMESPACE", "sts"), ("STS_WORKERS", "0"),
                            ("STS_BACKPRESSURE_HIGH", "1"), ("STS_GAP_TIMEOUT_S", "soon"), ("STS_ASR_MODEL", "best"), ("TARGET_LANGUAGE", "¡es!")):
            with self.subTest(name=name), self.assertRaises(settings.SettingsError) as caught:
                settings.load({name: value})
            self.assertIn(name, str(caught.exception))

    def test_an_unknown_provider_is_named_with_the_known_ones(self):
        from sts import providers
        with self.assertRaises(settings.SettingsError) as caught:
            providers.create("asr", "magic", settings.load({}))
        self.assertIn("STS_ASR='magic' is unknown: this image has pocketsphinx, whisper", str(caught.exception))

    def test_a_provider_whose_library_is_not_in_the_image_says_which_image_has_it(self):
        from sts import providers
        for stage, name, module, image in (("asr", "whisper", "faster_whisper", "models"), ("tts", "coqui", "TTS", "hub"),
                                           ("tts", "kokoro", "kokoro_onnx", "models")):
            if importlib.util.find_spec(module):
                continue                # the other image; its own tests load it
            with self.subTest(name=name), self.assertRaises(providers.ProviderError) as caught:
                providers.create(stage, name, settings.load({})).start()
            self.assertIn(f"e2e-sts-{image}", str(caught.exception))

    def test_fetching_loads_what_has_weights_and_not_the_translator(self):
        from sts import fetch_models, providers
        started = []

        class Engine:
            def __init__(self, settings):
                pass

            def start(self):
                started.append(type(self).__name__)

        for stage in ("asr", "mt", "tts"):
            providers.register(stage, "counted", type(stage, (Engine,), {}))
        loaded = settings.load({"STS_ASR": "counted", "STS_MT": "counted", "STS_TTS": "counted"})
        fetch_models.fetch(loaded)
        self.assertEqual(started, ["asr", "tts"])


if __name__ == "__main__":
    unittest.main()
