import random
import unittest

from worker import flv
from worker.interleave import Interleaver, OutputPacket
from worker.metrics import Metrics
from worker.paths import kept_back, publications


class Amf(unittest.TestCase):
    def test_values_survive(self):
        values = ["connect", 1.0, {"app": "live/x", "deep": {"yes": True}}, None, False]
        self.assertEqual(flv.parse_amf(flv.amf(*values)), values)

    def test_broken_values_are_errors(self):
        for data in (b"\x00\x01", b"\x02\x00", b"\x03\x00\x01a", b"\x99"):
            with self.assertRaises(flv.ProtocolError):
                flv.parse_amf(data)


class Chunks(unittest.TestCase):
    def test_messages_survive_any_cutting(self):
        chance = random.Random(7)
        size = 4096
        messages = [flv.Message(flv.SET_CHUNK_SIZE, 0, size.to_bytes(4, "big"))]
        for stamp in (0, 21, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFFF):
            for length in (0, 1, 3, size - 1, size, size + 1, 3 * size + 5):
                kind = chance.choice((flv.AUDIO, flv.VIDEO, flv.DATA))
                messages.append(flv.Message(kind, stamp, chance.randbytes(length)))
        wire = b"".join(flv.chunked(m, 1, size) for m in messages)
        for largest in (1, 7, 5000, len(wire)):
            parser, found, at = flv.ChunkParser(), [], 0
            while at < len(wire):
                step = chance.randint(1, largest)
                found += parser.feed(wire[at : at + step])
                at += step
            self.assertEqual(found, messages)

    def test_garbage_is_an_error(self):
        with self.assertRaises(flv.ProtocolError):
            flv.ChunkParser().feed(b"\xc7\x00\x00\x00\x00")
        with self.assertRaises(flv.ProtocolError):
            flv.ChunkParser().feed(b"\x43" + bytes(20))

    def test_negative_composition_times_are_written_as_24_bits(self):
        self.assertEqual(flv.video_body(b"x", True, -2), b"\x17\x01\xff\xff\xfex")
        self.assertEqual(flv.video_body(b"x", False, 67), b"\x27\x01\x00\x00\x43x")


def video(dts):
    return OutputPacket(flv.VIDEO, dts, b"v")


def audio(dts):
    return OutputPacket(flv.AUDIO, dts, b"a")


class Interleaving(unittest.TestCase):
    def drain(self, interleaver):
        found = []
        while (packet := interleaver.pop()) is not None:
            found.append((packet.kind == flv.VIDEO and "v" or "a", packet.dts_ms))
        return found

    def test_packets_go_out_by_decoding_time(self):
        interleaver = Interleaver()
        for dts in (0, 33, 67):
            interleaver.push_video(video(dts))
        interleaver.push_audio([audio(0), audio(21), audio(43)], 64)
        self.assertEqual(self.drain(interleaver), [("v", 0), ("a", 0), ("a", 21), ("v", 33), ("a", 43)])

    def test_video_waits_for_the_sound_and_goes_on_at_the_end(self):
        interleaver = Interleaver()
        interleaver.push_video(video(0))
        interleaver.push_video(video(33))
        self.assertEqual(self.drain(interleaver), [])
        interleaver.push_audio([], 20)
        self.assertEqual(self.drain(interleaver), [("v", 0)])
        interleaver.push_audio([], float("inf"))
        self.assertEqual(self.drain(interleaver), [("v", 33)])

    def test_buffered_time(self):
        interleaver = Interleaver()
        self.assertEqual(interleaver.buffered_s, 0)
        interleaver.push_video(video(1000))
        interleaver.push_video(video(3500))
        self.assertEqual(interleaver.buffered_s, 2.5)


class Paths(unittest.TestCase):
    def test_both_forms_of_the_api_are_understood(self):
        source = {"type": "rtspSession", "id": "1"}
        answer = {
            "items": [
                {"name": "live/a/in", "ready": True, "source": source, "readyTime": "t"},
                {"name": "live/b/in", "available": True, "source": source, "availableTime": "t"},
                {"name": "live/c/in", "ready": False, "source": None},
                {"name": "live/a/out", "ready": True, "source": source},
                {"name": "other", "ready": True, "source": source},
            ]
        }
        self.assertEqual([p.stream for p in publications(answer)], ["a", "b"])

    def test_a_publisher_that_comes_back_is_another_publication(self):
        first, second = (
            publications({"items": [{"name": "live/a/in", "ready": True, "source": {"type": "r", "id": i}}]})[0] for i in "12"
        )
        self.assertNotEqual(first, second)

    def test_nothing_is_found_in_nothing(self):
        for answer in ({}, {"items": None}, []):
            self.assertEqual(publications(answer), [])

    def test_what_an_rtmp_reader_is_not_given_is_named_by_kind(self):
        path = {"tracks": ["H265", "MPEG-4 Audio", "KLV"]}
        self.assertEqual(kept_back(path, has_video=False, has_audio=True), (["H265"], []))
        self.assertEqual(kept_back(path, has_video=True, has_audio=True), ([], []))
        self.assertEqual(kept_back({"tracks": ["AV1", "Opus", "G722"]}, False, False), (["AV1"], ["Opus", "G722"]))
        for answer in ({}, {"tracks": None}, {"tracks": [None, 3]}, [], None, {"tracks": "H265"}):
            self.assertEqual(kept_back(answer, False, False), ([], []))


class Text(unittest.TestCase):
    def test_prometheus_format(self):
        metrics = Metrics(inflight=lambda: 2, active=lambda: 1)
        metrics.fragments.add("sent")
        metrics.failed_streams.add("no_audio")
        metrics.av_sync_delta.observe(0.5)
        metrics.av_sync_delta.observe(5000)
        lines = metrics.text().splitlines()
        for line in (
            "# TYPE worker_audio_fragments_total counter",
            'worker_audio_fragments_total{status="sent"} 1',
            'worker_audio_fragments_total{status="fallback"} 0',
            "worker_inflight_fragments 2",
            "worker_streams_active 1",
            'worker_streams_failed_total{reason="no_audio"} 1',
            "# TYPE worker_av_sync_delta_ms histogram",
            'worker_av_sync_delta_ms_bucket{le="1"} 1',
            'worker_av_sync_delta_ms_bucket{le="1000"} 1',
            'worker_av_sync_delta_ms_bucket{le="+Inf"} 2',
            "worker_av_sync_delta_ms_count 2",
            "worker_sts_processing_time_ms_count 0",
        ):
            self.assertIn(line, lines)


if __name__ == "__main__":
    unittest.main()
