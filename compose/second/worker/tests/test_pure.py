import base64
import unittest

from dubber import settings, wire
from dubber.cutter import Fragment
from dubber.metrics import Metrics
from dubber.settings import Fault, SettingsError
from dubber.sound import fitted
from dubber.streams import live_inputs

FRAGMENT = Fragment(3, 18.2486, 48_000, 2, 282, b"adts")


class SettingsTests(unittest.TestCase):
    def test_the_standard_can_be_used(self):
        self.assertEqual(settings.load({}).frames, 282)

    def test_what_cannot_be_used_is_named(self):
        for name, value in (("WINDOW", "0"), ("PATIENCE_S", "soon"), ("SPEECH_URL", "speech:3000"), ("FALLBACK", "noise"),
                            ("WORKER_FAULT", "swap:1,1"), ("WORKER_FAULT", "late"), ("LOG_LEVEL", "loud")):
            with self.subTest(name=name, value=value), self.assertRaises(SettingsError) as caught:
                settings.load({name: value})
            self.assertIn(name, str(caught.exception))

    def test_faults(self):
        self.assertEqual(Fault.parse("late:250"), Fault(late_ms=250))
        self.assertEqual(Fault.parse("swap:3,1"), Fault(swapped=(1, 3)))
        self.assertEqual(Fault.parse("drop:2,4"), Fault(dropped=frozenset((2, 4))))
        self.assertEqual(Fault.parse("none"), Fault())


class WireTests(unittest.TestCase):
    def test_a_segment_counts_in_whole_numbers(self):
        payload = wire.segment("live/a", "a.1.3", 3, 1_700_000_000_000, FRAGMENT)
        for value in (payload["index"], payload["at"], payload["media"]["length_ms"], payload["pts_ms"]):
            self.assertIs(type(value), int)
        self.assertEqual(payload["media"]["length_ms"], 6016)
        self.assertEqual(payload["media"]["bytes"], b"adts")

    def test_an_answer_in_base64_or_as_an_attachment(self):
        for data in (base64.b64encode(b"mp4").decode(), b"mp4"):
            found = wire.answer({"id": "a", "state": "partial", "media": {"bytes": data}})
            self.assertEqual((found.state, found.sound), ("partial", b"mp4"))

    def test_an_answer_without_sound_is_a_failure(self):
        for payload in ({"id": "a", "state": "done"}, {"id": "a", "state": "done", "media": {"bytes": "%"}},
                        {"id": "a", "state": "well"}, {"id": "a"}):
            with self.subTest(payload):
                self.assertEqual(wire.answer(payload).state, "failed")

    def test_what_names_no_segment_is_nothing(self):
        for payload in (None, "done", {}, {"id": 3}):
            self.assertIsNone(wire.answer(payload))

    def test_a_reason_is_kept(self):
        found = wire.answer({"id": "a", "state": "failed", "fault": {"code": "ENGINE_BUSY", "text": "later"}})
        self.assertEqual(found.fault, "ENGINE_BUSY: later")

    def test_a_delay_has_bounds(self):
        self.assertEqual(wire.recommended_delay_s({"recommended_delay_ms": 500}), 0.5)
        self.assertEqual(wire.recommended_delay_s({"recommended_delay_ms": 10**9}), 30)
        for payload in ({}, {"recommended_delay_ms": "500"}, {"recommended_delay_ms": -1}, None):
            self.assertEqual(wire.recommended_delay_s(payload), 0)


class StreamsTests(unittest.TestCase):
    def test_an_input_is_a_path_of_three_parts_that_is_ready(self):
        items = [{"name": "live/a/in", "ready": True}, {"name": "live/b/in", "ready": False},
                 {"name": "live/c/in", "available": True}, {"name": "live/a/out", "ready": True},
                 {"name": "lives/d/in", "ready": True}, {"name": "live/e/f/in", "ready": True}, {}, None]
        self.assertEqual(live_inputs({"items": items}, "live"), {"a": "live/a/in", "c": "live/c/in"})

    def test_what_is_no_answer_has_no_inputs(self):
        for answer in (None, [], {"items": None}, {"items": ["live/a/in"]}):
            self.assertEqual(live_inputs(answer, "live"), {})


class SoundTests(unittest.TestCase):
    def test_fitted_cuts_and_fills(self):
        self.assertEqual(fitted(b"12345678", 1), b"1234")
        self.assertEqual(fitted(b"1234", 2), b"1234\0\0\0\0")


class MetricsTests(unittest.TestCase):
    def test_every_status_is_there_from_the_start(self):
        metrics = Metrics(lambda: 1, lambda: 2, lambda: 3)
        metrics.segments["bypassed"] += 1
        lines = metrics.text().splitlines()
        self.assertIn('second_segments_total{status="bypassed"} 1', lines)
        self.assertIn('second_segments_total{status="timeout"} 0', lines)
        self.assertIn("second_breaker_state 2", lines)
