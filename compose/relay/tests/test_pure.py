"""The relay's pure parts, without a socket:  python3 -m unittest discover -s tests -t .  (from compose/relay)."""
import asyncio
import struct
import unittest

from relay import amf, api, chunks, connection, flv, h264, rtp, sdp
from relay.analysis import MAX_MESSAGES, Analysis
from relay.errors import ProtocolError
from relay.flvwriter import FlvWriter
from relay.generation import Generation
from relay.paths import Path, Registry, check_name
from relay.rtmp import RtmpConnection
from relay.timeline import ArrivalClock, DecodingTimes, milliseconds

from .samples import (AUDIO_CONFIG, AUDIO_HEADER, AUDIO_TRACK, DELIMITER, INTER, KEY, PPS, SEI, SPS, VIDEO_HEADER, VIDEO_TRACK,
                      audio, picture, sps, video)


def packet(payload, timestamp=0, marker=True, sequence=1):
    return struct.pack(">BBHII", 0x80, 96 | marker << 7, sequence, timestamp & 0xFFFFFFFF, 7) + payload


class AmfTests(unittest.TestCase):
    def test_values_survive_the_round_trip(self):
        values = ["connect", 1.0, {"app": "live", "nested": {"a": True, "b": None}}, None, False, "é" * 40000, ["Opus", 1.0]]
        self.assertEqual(amf.decode(amf.encode(*values)), values)

    def test_arrays_and_dates_are_read(self):
        data = b"\x08\0\0\0\x01\0\x01k" + amf.encode("v") + b"\0\0\x09" + b"\x0a\0\0\0\x02" + amf.encode(1, True)
        data += b"\x0b" + struct.pack(">d", 5) + b"\0\0"
        self.assertEqual(amf.decode(data), [{"k": "v"}, [1.0, True], 5.0])

    def test_damaged_values_are_refused(self):
        for data in (b"\x02\xff\xffx", b"\0abc", b"\x03\0\x05abcde", b"\x11", b"\x0a\xff\xff\xff\xff", b"\x03\0\x01a" * 50):
            with self.subTest(data=data[:8]), self.assertRaises(ProtocolError):
                amf.decode(data)


class ParameterSetTests(unittest.TestCase):
    def test_picture_order_is_read(self):
        for profile in (66, 77, 100):
            for order in (0, 1, 2):
                for frames_only in (0, 1):
                    with self.subTest(profile=profile, order=order, frames_only=frames_only):
                        got = h264.picture_order(sps(profile, order, frames_only))
                        self.assertEqual((got.kind, got.frames_only, got.frame_number_bits), (order, bool(frames_only), 4))
                        self.assertEqual(got.count_bits, 6 if order == 0 else 0)

    def test_picture_order_counts_are_read(self):
        order = h264.picture_order(sps(77, 0))
        self.assertEqual([h264.picture_order_count(picture(n, n == 0), order) for n in (0, 2, 63)], [0, 2, 63])

    def test_every_truncation_is_refused_or_harmless(self):
        whole = sps(100, 1)
        for size in range(1, len(whole)):
            try:
                h264.picture_order(whole[:size])
            except ProtocolError:
                pass

    def test_decoder_configuration_round_trip(self):
        record = h264.decoder_configuration(SPS, PPS)
        self.assertEqual(h264.parameter_sets(record), (SPS, PPS))
        for size in range(len(record) - len(PPS)):
            with self.assertRaises(ProtocolError):
                h264.parameter_sets(record[:size])

    def test_key_pictures_are_led_by_parameter_sets_and_delimiters_go(self):
        self.assertEqual(h264.remux([DELIMITER, SEI, KEY], SPS, PPS), [SPS, PPS, SEI, KEY])
        self.assertEqual(h264.remux([DELIMITER, SPS, PPS, INTER], SPS, PPS), [INTER])
        self.assertEqual(h264.remux([KEY], SPS, None), [KEY])
        self.assertEqual(h264.remux([SPS, PPS], SPS, PPS), [])


class DescriptionTests(unittest.TestCase):
    def test_what_is_described_is_parsed(self):
        tracks = [sdp.Track(sdp.H264, 90000, control="trackID=0", sps=SPS, pps=PPS),
                  sdp.Track(sdp.AAC, 48000, "audio", "trackID=1", 96, 2, audio_config=AUDIO_CONFIG),
                  sdp.Track(sdp.PCMA, 8000, "audio", "trackID=2", 8)]
        self.assertEqual(sdp.parse(sdp.describe(tracks)), tracks)
        self.assertEqual(sdp.audio_parameters(AUDIO_CONFIG), (48000, 2))

    def test_unknown_codecs_are_handed_on(self):
        text = "v=0\r\nm=video 0 RTP/AVP 97\r\na=rtpmap:97 VP8/90000\r\na=fmtp:97 max-fr=30\r\n"
        track = sdp.parse(text)[0]
        self.assertEqual((track.codec, track.label), ("VP8", "VP8"))
        self.assertIn("a=fmtp:97 max-fr=30", sdp.describe([track]))

    def test_damage_is_refused(self):
        for text in ("", "v=0", "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/0", "m=video 0 RTP/AVP x",
                     "m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/48000/2\na=fmtp:97 config=zz",
                     "m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/48000/2"):
            with self.subTest(text=text), self.assertRaises(ProtocolError):
                sdp.parse(text)


class TimelineTests(unittest.TestCase):
    def test_tracks_are_laid_by_arrival_after_the_leading_tracks_last_key_packet(self):
        now = [100.0]
        clock = ArrivalClock(lambda: now[0])
        self.assertIsNone(clock.place(0, 90000, 7, False), "pictures before the first key picture have no time")
        self.assertEqual(clock.place(0, 90000, 2**32 - 9000, True), 0)
        now[0] += 0.5
        self.assertEqual(clock.place(1, 48000, 12345, True), 24000)
        self.assertEqual(clock.place(0, 90000, 81000, True), 90000)
        now[0] += 0.25
        self.assertEqual(clock.place(2, 8000, 5, True), 8000 + 2000)
        self.assertEqual([clock.place(0, 90000, t, False) for t in (84000, 83000)], [93000, 92000])

    def test_milliseconds_are_rounded_down(self):
        self.assertEqual([milliseconds(t, 44100) for t in (0, 1014, 1015, 44100)], [0, 22, 23, 1000])
        self.assertEqual(milliseconds(90 * 1234567, 90000), 1234567)

    def test_decoding_times_follow_the_pyramid(self):
        # Display order of a stream with B-pyramid, in decoding order: late by two pictures once the depth is known.
        display = [0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11]
        times, parameters = DecodingTimes(), sps(77, 0)
        got = [times.of([parameters, PPS, picture(0, True)] if n == 0 else [picture(2 * n)], 3000 * n) for n in display]
        self.assertEqual(got, sorted(got))
        self.assertTrue(all(d <= 3000 * n + 180 for d, n in zip(got, display)))
        self.assertEqual(got[-4:], [3000 * n for n in (7, 8, 9, 10)])

    def test_order_by_decoding_needs_no_times_of_its_own(self):
        times = DecodingTimes()
        self.assertEqual([times.of([SPS, PPS, KEY], 0), times.of([INTER], 3000)], [0, 3000])
        self.assertRaises(ProtocolError, times.of, [INTER], 2000)
        self.assertRaises(ProtocolError, DecodingTimes().of, [INTER], 0)
        self.assertRaises(ProtocolError, DecodingTimes().of, [sps(77, 1), KEY], 0)


class RtpTests(unittest.TestCase):
    def feed(self, unpacker, *packets):
        return [unpacker.feed(*rtp.parse(p)) for p in packets]

    def test_fragments_and_aggregates_become_one_picture(self):
        got = self.feed(rtp.VideoUnpacker(VIDEO_TRACK), packet(b"\x78\0\x02\x67a\0\x02\x68b", 9, False, 1),
                        packet(b"\x7c\x85start", 9, False, 2), packet(b"\x7c\x05middle", 9, False, 3),
                        packet(b"\x7c\x45end", 9, True, 4), packet(b"\x41p", 10, False, 5), packet(b"\x41q", 11, False, 6))
        self.assertEqual(got, [None, None, None, [b"\x67a", b"\x68b", b"\x65startmiddleend"], None, [b"\x41p"]])

    def test_a_picture_whose_fragment_is_missing_is_left_out(self):
        unpacker = rtp.VideoUnpacker(VIDEO_TRACK)
        self.feed(unpacker, packet(b"\x7c\x85start", 9, False, 1))
        self.assertRaises(ProtocolError, self.feed, unpacker, packet(b"\x7c\x45end", 9, True, 3))
        self.assertEqual(self.feed(unpacker, packet(b"\x7c\x45end", 9, True, 4), packet(b"\x41p", 12, True, 5)), [None, [b"\x41p"]])

    def test_frames_of_a_packet_and_packets_of_a_frame(self):
        got = self.feed(rtp.AudioUnpacker(AUDIO_TRACK), packet(struct.pack(">HHH", 32, 3 << 3, 2 << 3) + b"abcde"),
                        packet(struct.pack(">HH", 16, 3 << 3) + b"abc", 7, False, 2),
                        packet(struct.pack(">HH", 16, 3 << 3) + b"def", 7, True, 3))
        self.assertEqual(got, [[b"abc", b"de"], None, [b"abcdef"]])

    def test_damaged_packets_are_refused(self):
        for unpacker, damaged in ((rtp.VideoUnpacker(VIDEO_TRACK), (b"", b"\x80\x60", b"\x8f" + bytes(12), packet(b""),
                                                                    packet(b"\x78\xff\xffx"), packet(b"\x1fx"))),
                                  (rtp.AudioUnpacker(AUDIO_TRACK), (packet(b"\0"), packet(b"\0\x20\0\x08"), packet(b"\0\x10\0\1x"),
                                                                    packet(b"\0\x0f\0\x08x"), packet(b"\0\0")))):
            for data in damaged:
                with self.subTest(data=data), self.assertRaises(ProtocolError):
                    self.feed(unpacker, data)

    def test_what_is_packed_is_unpacked(self):
        nals = [SPS, PPS, SEI, picture(0, True, 5000), b"\x65" + bytes(1459), b"\x65" + bytes(1460)]
        packets = rtp.Packer(VIDEO_TRACK, 1).packets(7, nals)
        self.assertEqual([p for p in self.feed(rtp.VideoUnpacker(VIDEO_TRACK), *packets) if p], [nals])
        self.assertLessEqual(max(map(len, packets)), 12 + rtp.MAX_PAYLOAD)
        frames = rtp.Packer(AUDIO_TRACK, 1).packets(7, [b"sound", b"x" * 700])
        self.assertEqual(self.feed(rtp.AudioUnpacker(AUDIO_TRACK), *frames), [[b"sound"], [b"x" * 700]])


class AnalysisTests(unittest.TestCase):
    def take(self, analysis, *messages):
        return [analysis.take(flv.parse(*m)) for m in messages]

    def test_ends_with_a_message_two_seconds_after_the_first(self):
        analysis = Analysis()
        self.assertEqual(self.take(analysis, (flv.VIDEO, 100, VIDEO_HEADER), (flv.AUDIO, 0, AUDIO_HEADER), (flv.AUDIO, 2099, AUDIO_HEADER),
                                   (flv.VIDEO, 2100, video(KEY))), [False, False, False, True])
        self.assertEqual([t.label for t in analysis.tracks().values()], ["H264", "MPEG-4 Audio"])

    def test_enhanced_tracks_need_header_and_frame(self):
        header, frame = b"\x90mp4a" + AUDIO_CONFIG, b"\x91mp4aframe"
        analysis = Analysis()
        self.assertEqual(self.take(analysis, (flv.AUDIO, 9000, header), (flv.AUDIO, 0, frame)), [False, False])
        self.assertEqual(analysis.tracks()[flv.AUDIO, 0].audio_config, AUDIO_CONFIG)
        with self.assertRaises(ProtocolError):
            self.take(analysis, (flv.AUDIO, 0, header))
        with self.assertRaises(ProtocolError):
            self.take(Analysis(), (flv.AUDIO, 0, frame))

    def test_a_track_without_a_header_is_refused(self):
        analysis = Analysis()
        self.take(analysis, (flv.AUDIO, 0, AUDIO_HEADER), (flv.VIDEO, 0, b"\x96\1avc1\1\0\0\0"))
        self.assertRaises(ProtocolError, analysis.tracks)

    def test_limits(self):
        analysis = Analysis()
        self.take(analysis, *[(flv.AUDIO, 0, audio(b"a"))] * MAX_MESSAGES)
        self.assertRaises(ProtocolError, analysis.tracks)
        self.assertRaises(ProtocolError, analysis.take, None)


class MessageTests(unittest.TestCase):
    def test_what_mediamtx_refuses_is_refused(self):
        for kind, body in ((flv.VIDEO, b""), (flv.VIDEO, b"\x17\0\0\0"), (flv.VIDEO, b"\x12\0\0\0\0"), (flv.VIDEO, b"\x17\3\0\0\0"),
                           (flv.AUDIO, b"\xaf"), (flv.AUDIO, b"\xaf\2x"), (flv.AUDIO, b"\x1f\0"), (flv.AUDIO, b"\x95\x11mp4a\1x"),
                           (flv.AUDIO, b"\x90avc1"), (flv.VIDEO, b"\x90mp4a"), (flv.VIDEO, b"\x87avc1"), (flv.VIDEO, b"\x90av")):
            with self.subTest(body=body), self.assertRaises(ProtocolError):
                flv.parse(kind, 0, body)

    def test_readers_get_no_codec_that_they_do_not_know(self):
        opus, wide = sdp.Track(sdp.OPUS, 48000, "audio", channels=2), sdp.Track(sdp.PCMA, 16000, "audio")
        self.assertEqual(list(FlvWriter([VIDEO_TRACK, opus, AUDIO_TRACK, wide]).numbers.items()), [(0, 0), (2, 0)])
        self.assertEqual(list(FlvWriter([VIDEO_TRACK, opus, AUDIO_TRACK], ["Opus"]).numbers.items()), [(0, 0), (1, 0), (2, 1)])
        self.assertRaises(ProtocolError, FlvWriter, [opus, wide])
        self.assertEqual(list(FlvWriter([AUDIO_TRACK, VIDEO_TRACK, AUDIO_TRACK], (), True).numbers), [0, 1])


class ChunkTests(unittest.TestCase):
    def read_all(self, data, may_abort=False):
        async def collect():
            stream = asyncio.StreamReader()
            stream.feed_data(data)
            stream.feed_eof()
            reader, messages = chunks.ChunkReader(stream.readexactly, may_abort), []
            while True:
                try:
                    messages.append(await reader.message())
                except asyncio.IncompleteReadError:
                    return messages
        return asyncio.run(collect())

    def test_messages_survive_the_round_trip(self):
        size = chunks.encode(chunks.SET_CHUNK_SIZE, 0, struct.pack(">I", chunks.OUT_CHUNK), 0, 2)
        sent = [(flv.VIDEO, 5, bytes(200_000)), (flv.AUDIO, 2**24 + 9, b"x" * 70_000), (flv.DATA, 0, b"")]
        got = self.read_all(size + b"".join(chunks.encode(*m) for m in sent))
        self.assertEqual([(m.kind, m.time, m.body) for m in got[1:]], sent)

    def test_limits(self):
        for data in (b"\x03\0\0\0\xff\xff\xff\x14\0\0\0\0", b"\xc5", b"\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\0", b"\x00\x05" + bytes(11)):
            with self.subTest(data=data[:4]), self.assertRaises(ProtocolError):
                self.read_all(data)


class Transport:
    """A socket whose peer reads nothing."""

    def __init__(self):
        self.unsent, self.aborted = 0, False

    def get_write_buffer_size(self):
        return self.unsent

    def set_write_buffer_limits(self, high):
        pass

    def abort(self):
        self.aborted = True

    def setsockopt(self, *_):
        pass


class Writer:
    def __init__(self):
        self.transport, self.written = Transport(), 0

    def get_extra_info(self, name):
        return self.transport if name == "socket" else ("127.0.0.1", 1)

    def write(self, data):
        self.written += 1
        self.transport.unsent += len(data)

    async def drain(self):
        await asyncio.Event().wait()


class QueueTests(unittest.IsolatedAsyncioTestCase):
    async def test_a_slow_readers_queue_is_bounded_and_goes_with_the_path(self):
        source = RtmpConnection(Registry(), None, Writer())
        path = Path(source.registry, "live/slow/in", source, [AUDIO_TRACK])
        reader = RtmpConnection(source.registry, None, Writer())
        reader.path, reader.is_reader, reader.flv = path, True, FlvWriter(path.tracks)
        path.add_reader(reader)
        path.play(reader)
        for number in range(connection.WRITE_QUEUE + 11):
            path.take_unit(0, 1024 * number, [b"sound"])
        await asyncio.sleep(0)
        self.assertEqual((reader.writer.written, len(reader.queue), reader.discarded), (1, connection.WRITE_QUEUE, 10))
        self.assertFalse(reader.writer.transport.aborted)
        path.close()
        self.assertEqual((reader.writer.transport.aborted, len(reader.queue), reader.writer.written), (True, 0, 1))
        reader.flusher.cancel()


class ApiTests(unittest.TestCase):
    def test_routes(self):
        registry = Registry()
        self.assertEqual(api.respond(registry, "GET", "/v3/paths/list?itemsPerPage=5")[1],
                         {"itemCount": 0, "pageCount": 0, "items": []})
        for method, target, code in (("GET", "/healthz", 200), ("GET", "/v3/paths/get/none", 404), ("GET", "/x", 404),
                                     ("POST", "/v3/paths/list", 404), ("GET", "/v3/paths/list?page=x", 400),
                                     ("GET", "/v3/paths/list?itemsPerPage=0", 400), ("GET", "/v3/paths/list?page=9", 200)):
            self.assertEqual(api.respond(registry, method, target)[0], code)

    def test_names(self):
        self.assertEqual(check_name("live/a_b-c.d~e:f/in"), "live/a_b-c.d~e:f/in")
        for name in ("", "/a", "a/", "a\nb", "a b", "é", "a?b"):
            with self.subTest(name), self.assertRaises(ProtocolError):
                check_name(name)

    def test_generations(self):
        self.assertEqual(Generation("1.15").version, (1, 15, 0))
        self.assertEqual([Generation(t).names_availability for t in ("1.15.6", "1.16", "2.0")], [False, True, True])
        self.assertRaises(ProtocolError, Generation, "newest")


if __name__ == "__main__":
    unittest.main()
