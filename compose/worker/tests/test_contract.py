import base64
import unittest

from worker import contract, settings
from worker.segmenter import Fragment

DATA = b"\x01\x00" * 480


class Building(unittest.TestCase):
    def test_fragment_data_has_the_contracts_fields(self):
        fragment = Fragment(2, 12 * 48_000, bytes(4 * 288_000))
        payload = contract.fragment_data("s", "s-r-2", fragment, bytes(2 * 96_000), 16_000, 5)
        self.assertEqual(payload["sequence_number"], 2)
        self.assertEqual(payload["audio"]["duration_ms"], 6000)
        self.assertEqual(payload["metadata"]["pts_ns"], 12_000_000_000)
        self.assertEqual(len(base64.b64decode(payload["audio"]["data_base64"])), 192_000)

    def test_the_identifier_is_found_again_even_with_dashes_in_the_stream_name(self):
        self.assertEqual(contract.sequence_of(contract.fragment_id("a-b-7", "0f", 12)), 12)
        self.assertIsNone(contract.sequence_of("nonsense"))

    def test_stream_init(self):
        payload = contract.stream_init(settings.load({"TARGET_LANGUAGE": "de"}), "s")
        self.assertEqual(payload["config"]["target_language"], "de")
        self.assertEqual(payload["config"]["chunk_duration_ms"], 6000)
        self.assertEqual(payload["max_inflight"], 3)


class DubbedAudio(unittest.TestCase):
    def test_every_form_is_read(self):
        text = base64.b64encode(DATA).decode()
        fields = {"format": "pcm_s16le", "sample_rate_hz": 22_050, "channels": 2}
        for value, rate, channels in (
            (fields | {"data_base64": text}, 22_050, 2),
            (fields | {"data": DATA}, 22_050, 2),
            (fields | {"data_base64": DATA}, 22_050, 2),
            (text, 16_000, 1),
            (DATA, 16_000, 1),
        ):
            found = contract.dubbed_audio(value, 16_000)
            self.assertEqual((found.pcm, found.sample_rate, found.channels), (DATA, rate, channels))

    def test_what_cannot_be_played_is_refused(self):
        text = base64.b64encode(DATA).decode()
        for value in (
            None,
            "",
            "@@@" + text,
            text[:-3],
            {"data_base64": text, "format": "mp3"},
            {"data_base64": text, "sample_rate_hz": 0},
            {"data_base64": text, "sample_rate_hz": "16000"},
            {"data_base64": text, "sample_rate_hz": float("nan")},
            {"data_base64": text, "channels": 7},
            {"data_base64": base64.b64encode(b"odd").decode()},
            {"sample_rate_hz": 16_000},
            7,
            [],
        ):
            with self.assertRaises(contract.DubbedAudioError, msg=repr(value)[:60]):
                contract.dubbed_audio(value, 16_000)


class Settings(unittest.TestCase):
    def test_defaults_are_the_contracts(self):
        found = settings.load({})
        self.assertEqual((found.segment_seconds, found.fragment_timeout_s, found.max_inflight), (6, 30, 3))
        self.assertEqual(found.sts_url, "http://host.docker.internal:3000")
        self.assertEqual(found.sts_namespace, "/")

    def test_wrong_values_are_named(self):
        for name, value in (
            ("SEGMENT_SECONDS", "six"),
            ("MAX_INFLIGHT", "0"),
            ("STS_SERVICE_URL", "sts:3000"),
            ("STS_TRANSPORTS", "pigeon"),
            ("FRAGMENT_TIMEOUT_S", "nan"),
        ):
            with self.assertRaisesRegex(settings.SettingsError, name):
                settings.load({name: value})


if __name__ == "__main__":
    unittest.main()
