"""The relay's pure parts, without a socket:  python3 -m unittest discover -s tests -t .  (from compose/relay)."""
import asyncio
import struct
import unittest

from relay import amf, api, chunks, flv, h264, sdp
from relay.errors import ProtocolError
from relay.flvrtp import FlvToRtp
from relay.connection import MAX_UNSENT
from relay.paths import GroupCache, Path, Registry, clean_name
from relay.rtmp import RtmpConnection
from relay.rtpflv import AudioAssembler, RtpToFlv, VideoAssembler
from relay.timeline import DecodingClock, Milliseconds, TrackClock

PPS = bytes.fromhex("68ebe3cb22c0")
AUDIO_CONFIG = bytes.fromhex("1190")


def rtp(payload, timestamp, marker=False, kind=96):
    return struct.pack(">BBHII", 0x80, kind | marker << 7, 1, timestamp & 0xFFFFFFFF, 7) + payload


def report(ntp, timestamp):
    return struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, int(ntp), int(ntp % 1 * 2**32), timestamp & 0xFFFFFFFF, 0, 0)


def aac(frame):
    return struct.pack(">HH", 16, len(frame) << 3) + frame


class BitWriter:
    """Writes the SPS that the parser reads back."""

    def __init__(self):
        self.bits = ""

    def u(self, value, count):
        self.bits += format(value, f"0{count}b")
        return self

    def ue(self, *values):
        for value in values:
            text = format(value + 1, "b")
            self.bits += "0" * (len(text) - 1) + text
        return self

    def nal(self):
        bits = self.bits + "1"
        bits += "0" * (-len(bits) % 8)
        raw = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))
        escaped, zeros = bytearray(), 0
        for byte in raw:
            if zeros == 2 and byte < 4:
                escaped.append(3)
                zeros = 0
            escaped.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\x67" + bytes(escaped)


def sps(profile=77, order=0, reorder=None, ticks=None):
    """640x360; `reorder`: max_num_reorder_frames or None for no restriction; `ticks`: (num_units_in_tick, time_scale)."""
    writer = BitWriter().u(profile, 8).u(0, 8).u(30, 8).ue(0)
    if profile >= 100:
        writer.ue(1, 0, 0).u(0, 2)
    writer.ue(0, order)
    if order == 0:
        writer.ue(2)
    writer.ue(3).u(0, 1).ue(39, 22).u(1, 1).u(1, 1)
    writer.u(1, 1).ue(0, 0, 0, 4)                                            # cropped by 8 lines
    if reorder is None and ticks is None:
        return writer.u(0, 1).nal()
    writer.u(1, 1).u(0, 4)                                                   # no aspect, overscan, signal, chroma
    if ticks:
        writer.u(1, 1).u(ticks[0], 32).u(ticks[1], 32).u(1, 1)
    else:
        writer.u(0, 1)
    writer.u(0, 2).u(0, 1)
    if reorder is None:
        return writer.u(0, 1).nal()
    return writer.u(1, 1).u(1, 1).ue(0, 0, 9, 9, reorder, 4).nal()


class AmfTests(unittest.TestCase):
    def test_values_survive_the_round_trip(self):
        values = ["connect", 1.0, {"app": "live", "nested": {"a": True, "b": None}}, None, False, "é" * 40000]
        self.assertEqual(amf.decode(amf.encode(*values)), values)

    def test_arrays_and_dates_are_read(self):
        data = b"\x08\0\0\0\x01\0\x01k" + amf.encode("v") + b"\0\0\x09" + b"\x0a\0\0\0\x02" + amf.encode(1, True)
        data += b"\x0b" + struct.pack(">d", 5) + b"\0\0"
        self.assertEqual(amf.decode(data), [{"k": "v"}, [1.0, True], 5.0])

    def test_damaged_values_are_refused(self):
        for data in (b"\x02\xff\xffx", b"\0abc", b"\x03\0\x05abcde", b"\x11", b"\x0a\xff\xff\xff\xff", b"\x03\0\x01a" * 50):
            with self.subTest(data=data[:8]), self.assertRaises(ProtocolError):
                amf.decode(data)


class SequenceParameterTests(unittest.TestCase):
    def test_size_rate_and_depth_are_read(self):
        for profile in (66, 77, 100):
            with self.subTest(profile=profile):
                got = h264.parse_sps(sps(profile, reorder=1, ticks=(1, 60)))
                self.assertEqual((got.width, got.height, got.reorder_depth), (640, 360, 1))
                self.assertAlmostEqual(got.frame_duration, 1 / 30)

    def test_depth_when_nothing_is_stated(self):
        self.assertEqual(h264.parse_sps(sps(66)).reorder_depth, 0)
        self.assertEqual(h264.parse_sps(sps(77)).reorder_depth, 2)
        self.assertEqual(h264.parse_sps(sps(100, order=2)).reorder_depth, 0)
        self.assertEqual(h264.parse_sps(sps(77, ticks=(1, 60))).reorder_depth, 2)

    def test_every_truncation_is_refused_or_harmless(self):
        whole = sps(100, reorder=2, ticks=(1001, 60000))
        for size in range(1, len(whole)):
            try:
                h264.parse_sps(whole[:size])
            except ProtocolError:
                pass

    def test_decoder_configuration_round_trip(self):
        record = h264.decoder_configuration(sps(), PPS)
        self.assertEqual(h264.parameter_sets(record), (sps(), PPS))
        for size in range(len(record) - len(PPS)):
            with self.assertRaises(ProtocolError):
                h264.parameter_sets(record[:size])


class DescriptionTests(unittest.TestCase):
    def test_what_is_described_is_parsed(self):
        tracks = [sdp.Track(sdp.H264, 90000, "streamid=0", sps=sps(), pps=PPS),
                  sdp.Track(sdp.AAC, 48000, "streamid=1", audio_config=AUDIO_CONFIG)]
        self.assertEqual(sdp.parse(sdp.describe(tracks)), tracks)
        self.assertEqual(sdp.audio_parameters(AUDIO_CONFIG), (48000, 2))

    def test_unknown_codecs_are_carried_and_marked(self):
        track = sdp.parse("v=0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n")[0]
        self.assertEqual((track.codec, track.label, track.convertible), ("OPUS", "Opus", False))

    def test_damage_is_refused(self):
        for text in ("", "v=0", "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/0",
                     "m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/48000/2\na=fmtp:97 config=zz",
                     "m=audio 0 RTP/AVP 97\na=rtpmap:97 mpeg4-generic/48000/2"):
            with self.subTest(text=text), self.assertRaises(ProtocolError):
                sdp.parse(text)


class TimelineTests(unittest.TestCase):
    def test_timestamps_unwrap_in_both_directions(self):
        clock = TrackClock(90000)
        self.assertEqual([clock.unwrap(t) for t in (2**32 - 10, 5, 2**32 - 20, 20)],
                         [2**32 - 10, 2**32 + 5, 2**32 - 20, 2**32 + 20])

    def test_decoding_times_follow_the_pyramid(self):
        # Display order of a stream with B-pyramid, in decoding order.
        display = [n / 30 for n in (0, 4, 2, 1, 3, 8, 6, 5, 7)]
        clock = DecodingClock(2, 1 / 30)
        decoding = [clock.decode_time(t) for t in display]
        for got, wanted in zip(decoding, range(-2, 7)):
            self.assertAlmostEqual(got, wanted / 30)
        self.assertTrue(all(d <= t + 1e-9 for d, t in zip(decoding, display)))

    def test_depth_zero_is_the_identity(self):
        clock = DecodingClock(0, None)
        self.assertEqual([clock.decode_time(t) for t in (0.0, 0.5, 1.0)], [0.0, 0.5, 1.0])

    def test_milliseconds_rise_strictly(self):
        clock = Milliseconds()
        self.assertEqual([clock.rising(s) for s in (-1, 0, 0.0004, 0.5, 0.4)], [0, 1, 2, 500, 501])


class RtpToFlvTests(unittest.TestCase):
    def setUp(self):
        self.tags, self.time = [], 0.0

    def converter(self, depth=0, ticks=(1, 60)):
        tracks = [sdp.Track(sdp.H264, 90000, "streamid=0", sps=sps(77, reorder=depth, ticks=ticks), pps=PPS),
                  sdp.Track(sdp.AAC, 48000, "streamid=1", audio_config=AUDIO_CONFIG)]
        return RtpToFlv(tracks, self.tags.append, clock=lambda: self.time)

    def test_sender_reports_place_the_tracks(self):
        converter = self.converter()
        converter.control(0, report(1000.5, 10_000))
        converter.control(1, report(1000.25, 77))                            # 250 ms earlier on the NTP clock
        converter.feed(0, rtp(b"\x65key", 10_000 + 90 * 100, True))          # NTP 1000.6
        self.assertEqual(self.tags, [], "the zero is unknown until the audio is")
        converter.feed(1, rtp(aac(b"sound"), 77 + 48 * 230))                 # NTP 1000.48
        times = {tag.kind: tag.time for tag in self.tags}
        self.assertEqual(times, {flv.AUDIO: 0, flv.VIDEO: 120})

    def test_sound_that_begins_late_comes_after_the_pictures_before_it(self):
        converter = self.converter()
        converter.control(0, report(5.0, 0))
        for index in range(30):
            converter.feed(0, rtp(b"\x65key", 3000 * index, True))
        converter.control(1, report(5.5, 0))
        converter.feed(1, rtp(aac(b"sound"), 0))
        self.assertEqual([t.kind for t in self.tags if not t.is_configuration][:1], [flv.VIDEO])
        times = [t.time for t in self.tags if not t.is_configuration]
        self.assertEqual(times, sorted(times))
        self.assertEqual([t.time for t in self.tags if t.kind == flv.AUDIO], [500])

    def test_zero_is_the_first_decoding_time(self):
        converter = self.converter(depth=2)
        converter.control(0, report(5.0, 0))
        converter.control(1, report(5.0, 0))
        converter.feed(0, rtp(b"\x65key", 6000, True))
        converter.feed(1, rtp(aac(b"a"), 48 * 46))
        video = next(t for t in self.tags if t.kind == flv.VIDEO)
        self.assertEqual((video.time, flv.composition_offset(video.body)), (0, 67))
        self.assertEqual(next(t for t in self.tags if t.kind == flv.AUDIO).time, 46)

    def test_a_track_that_stays_away_is_not_waited_for(self):
        converter = self.converter()
        converter.control(0, report(5.0, 0))
        converter.feed(0, rtp(b"\x65key", 0, True))
        self.time = 1.5
        converter.feed(0, rtp(b"\x41p", 3000, True))
        self.assertEqual([t.time for t in self.tags], [0, 33])
        converter.feed(1, rtp(aac(b"late"), 99))
        self.assertEqual(self.tags[-1].kind, flv.AUDIO)
        self.assertEqual(self.tags[-1].time, 1500)

    def test_fragments_and_aggregates_become_one_sample(self):
        taken = []
        assembler = VideoAssembler(sdp.Track(sdp.H264, 90000, ""), lambda t, nals: taken.append((t, nals)))
        assembler.feed(rtp(b"\x78\0\x02\x67a\0\x02\x68b", 9))
        assembler.feed(rtp(b"\x7c\x85start", 9))
        assembler.feed(rtp(b"\x7c\x05middle", 9))
        assembler.feed(rtp(b"\x7c\x45end", 9, True))
        self.assertEqual(taken, [(9, [b"\x67a", b"\x68b", b"\x65startmiddleend"])])

    def test_frames_of_a_packet_follow_each_other(self):
        taken = []
        assembler = AudioAssembler(sdp.Track(sdp.AAC, 48000, ""), lambda t, frame: taken.append((t, frame)))
        assembler.feed(rtp(struct.pack(">HHH", 32, 3 << 3, 2 << 3) + b"abcde", 2**32 - 1024))
        self.assertEqual(taken, [(2**32 - 1024, b"abc"), (0, b"de")])
        assembler.feed(rtp(struct.pack(">HH", 16, 6 << 3) + b"abc", 7))
        assembler.feed(rtp(struct.pack(">HH", 16, 6 << 3) + b"def", 7, True))
        self.assertEqual(taken[2:], [(7, b"abcdef")])

    def test_damaged_packets_are_refused(self):
        converter = self.converter()
        for index, packet in ((0, b""), (0, b"\x80\x60"), (1, rtp(b"\0", 0)), (1, rtp(b"\0\x20\0\x08", 0)),
                              (0, rtp(b"\x78\xff\xffx", 0)), (0, b"\x8f" + bytes(12)), (0, rtp(b"\x1fx", 0))):
            with self.subTest(packet=packet), self.assertRaises(ProtocolError):
                converter.feed(index, packet)
        with self.assertRaises(ProtocolError):
            converter.control(0, b"\x80\xc8\0\6")


class FlvToRtpTests(unittest.TestCase):
    def test_a_sample_comes_back_whole(self):
        packets = []
        there = FlvToRtp(h264.decoder_configuration(sps(), PPS), AUDIO_CONFIG, lambda *p: packets.append(p), now=lambda: 1000.0)
        nals = [b"\x06sei", b"\x65" + bytes(range(256)) * 20]
        sample = b"".join(struct.pack(">I", len(n)) + n for n in nals)
        there.feed(flv.Tag(flv.VIDEO, 40, flv.video_frame(sample, True, 67)), True)
        there.feed(flv.Tag(flv.AUDIO, 40, flv.audio_frame(b"sound")), True)
        tags = []
        back = RtpToFlv(there.tracks, tags.append)
        for index, is_control, packet in packets:
            (back.control if is_control else back.feed)(index, packet)
        video = next(t for t in tags if t.kind == flv.VIDEO and not t.is_configuration)
        self.assertEqual(h264.split_nals(video.body[5:]), nals)
        self.assertTrue(video.is_key_frame)
        self.assertEqual(next(t for t in tags if t.kind == flv.AUDIO).body[2:], b"sound")
        self.assertTrue(all(len(p) <= 1412 for _, _, p in packets))

    def test_negative_composition_offsets_survive(self):
        self.assertEqual(flv.composition_offset(flv.video_frame(b"", False, -40)), -40)


class ChunkTests(unittest.TestCase):
    def read_all(self, data):
        async def collect():
            stream = asyncio.StreamReader()
            stream.feed_data(data)
            stream.feed_eof()
            reader, messages = chunks.ChunkReader(stream.readexactly), []
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
        self.assertEqual([(m.kind, m.time, m.body) for m in got], sent)

    def test_limits(self):
        for data in (b"\x03\0\0\0\xff\xff\xff\x14\0\0\0\0", b"\xc5", b"\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\0\0",
                     b"".join(bytes([0, n]) + bytes(11) for n in range(70))):
            with self.subTest(data=data[:4]), self.assertRaises(ProtocolError):
                self.read_all(data)


class GroupCacheTests(unittest.TestCase):
    KEY, INTER = flv.video_frame(b"k", True, 0), flv.video_frame(b"p", False, 0)

    def test_the_opening_of_a_stream_is_kept_whole(self):
        cache = GroupCache(opening=300)
        for time in (0, 100, 200, 300):
            cache.add(flv.Tag(flv.VIDEO, time, self.KEY))
        self.assertEqual([t.time for t in cache.tags], [0, 100, 200, 300])
        cache.add(flv.Tag(flv.VIDEO, 400, self.KEY))
        self.assertEqual([t.time for t in cache.tags], [400])

    def test_a_key_frame_begins_anew_and_keeps_its_audio(self):
        cache = GroupCache(opening=50)
        sound = [flv.Tag(flv.AUDIO, t, flv.audio_frame(b"s")) for t in (0, 10, 95, 105)]
        inter = flv.Tag(flv.VIDEO, 40, self.INTER)
        for tag in (inter, sound[0], flv.Tag(flv.VIDEO, 5, self.KEY), sound[1], inter, sound[2], sound[3]):
            cache.add(tag)
        self.assertEqual([t.time for t in cache.tags], [0, 5, 10, 40, 95, 105])
        cache.add(flv.Tag(flv.VIDEO, 100, self.KEY))
        self.assertEqual([t.time for t in cache.tags], [105, 100])

    def test_sound_alone_is_kept_for_late_readers_and_given_up_after_the_opening(self):
        cache = GroupCache(opening=50)
        for time in (0, 20, 50):
            cache.add(flv.Tag(flv.AUDIO, time, flv.audio_frame(b"s")))
        self.assertEqual([t.time for t in cache.tags], [0, 20, 50])
        cache.add(flv.Tag(flv.AUDIO, 60, flv.audio_frame(b"s")))
        self.assertEqual(cache.tags, [])


class Transport:
    """A socket whose peer reads nothing."""

    def __init__(self):
        self.unsent, self.aborted = 0, False

    def get_write_buffer_size(self):
        return self.unsent

    def is_closing(self):
        return self.aborted

    def abort(self):
        self.aborted = True

    def setsockopt(self, *_):
        pass


class Writer:
    def __init__(self):
        self.transport = Transport()

    def get_extra_info(self, name):
        return self.transport if name == "socket" else ("127.0.0.1", 1)

    def write(self, data):
        self.transport.unsent += len(data)


class SlowReaderTests(unittest.TestCase):
    def test_the_opening_burst_makes_no_reader_slow_and_falling_behind_after_it_does(self):
        registry = Registry()
        path = Path(registry, "live/wide/in", None, "rtmpConn")
        path.video_header, path.ready = flv.Tag(flv.VIDEO, 0, flv.video_configuration(b"")), True
        frame = bytes(1 << 20)
        for number in range(20):                                             # 20 MB, more than a reader may lag behind
            path.cache.add(flv.Tag(flv.VIDEO, number, flv.video_frame(frame, number == 0, 0)))
        reader = RtmpConnection(registry, None, Writer())
        asyncio.run(reader._play("live/wide/in"))
        self.assertFalse(reader.writer.transport.aborted, "dropped while it was being sent what it is owed")
        self.assertIn(reader, path.readers)
        for number in range(MAX_UNSENT // len(frame) + 2):
            reader.send_tag(flv.Tag(flv.VIDEO, 100 + number, flv.video_frame(frame, False, 0)))
        self.assertTrue(reader.writer.transport.aborted)
        self.assertNotIn(reader, path.readers)


class ApiTests(unittest.TestCase):
    def test_routes(self):
        registry = Registry()
        self.assertEqual(api.respond(registry, "GET", "/v3/paths/list?itemsPerPage=5")[1],
                         {"itemCount": 0, "pageCount": 0, "items": []})
        for method, target, code in (("GET", "/healthz", 200), ("GET", "/v3/paths/get/none", 404), ("GET", "/x", 404),
                                     ("POST", "/v3/paths/list", 405), ("GET", "/v3/paths/list?page=x", 400)):
            self.assertEqual(api.respond(registry, method, target)[0], code)

    def test_names(self):
        self.assertEqual(clean_name("/live/a/in/?token=1"), "live/a/in")
        for raw in ("", "/", "a\nb", "x" * 300):
            with self.assertRaises(ProtocolError):
                clean_name(raw)


if __name__ == "__main__":
    unittest.main()
