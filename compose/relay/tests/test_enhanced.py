"""Enhanced RTMP's pictures (H.265, AV1) and GStreamer's sound (LATM) without a socket."""
import struct
import unittest

from relay import av1, flv, hevc, latm, sdp
from relay.analysis import Analysis
from relay.errors import ProtocolError
from relay.flvwriter import FlvWriter
from relay.rtp import MAX_PAYLOAD, Packer, parse

VPS, SPS, PPS = b"\x40\x01vps", b"\x42\x01sps", b"\x44\x01pps"
IDR, SLICE, SEI = b"\x26\x01" + b"i" * 4000, b"\x02\x01slice", b"\x4e\x01sei"


def record(*nals):
    """An HEVCDecoderConfigurationRecord with one array for each NAL unit."""
    arrays = b"".join(struct.pack(">BHH", hevc.kind_of(nal), 1, len(nal)) + nal for nal in nals)
    return bytes(22) + bytes([len(nals)]) + arrays


def body(packet, name, payload):
    return bytes([0x90 | packet]) + name + payload


def joined(*nals):
    return b"".join(struct.pack(">I", len(nal)) + nal for nal in nals)


class Parsing(unittest.TestCase):
    def test_frames_say_their_offset_and_frames_x_have_none(self):
        media = flv.parse(flv.VIDEO, 40, body(flv.FRAMES, b"hvc1", b"\0\0\x21" + joined(SLICE)))
        self.assertEqual((media.codec, media.offset, media.payload, media.time), (sdp.H265, 33, joined(SLICE), 40))
        for packet, name in ((flv.FRAMES_X, b"hvc1"), (flv.FRAMES, b"av01"), (flv.FRAMES_X, b"av01")):
            media = flv.parse(flv.VIDEO, 40, body(packet, name, b"unit"))
            self.assertEqual((media.offset, media.payload), (0, b"unit"), (packet, name))

    def test_a_codec_of_the_other_kind_is_refused(self):
        for kind, name in ((flv.AUDIO, b"hvc1"), (flv.AUDIO, b"av01"), (flv.VIDEO, b"mp4a"), (flv.VIDEO, b"vvc1")):
            with self.subTest(name=name), self.assertRaises(ProtocolError):
                flv.parse(kind, 0, body(flv.START, name, b"12345678"))

    def test_the_analysis_names_them(self):
        for name, configuration, label in ((b"hvc1", record(VPS, SPS, PPS), "H265"), (b"av01", b"\x81\0\0\0", "AV1")):
            analysis = Analysis()
            analysis.take(flv.parse(flv.VIDEO, 0, body(flv.START, name, configuration)))
            (track,) = analysis.tracks().values()
            self.assertEqual((track.label, track.record), (label, configuration))

    def test_parameter_sets(self):
        self.assertEqual(hevc.parameter_sets(record(SEI, PPS, VPS, SPS)), (VPS, SPS, PPS))
        whole = record(VPS, SPS, PPS)
        for damaged in (record(VPS, SPS), *(whole[:size] for size in range(len(whole)))):
            with self.assertRaises(ProtocolError):
                hevc.parameter_sets(damaged)


class Units(unittest.TestCase):
    def test_each_key_picture_begins_with_the_tracks_parameter_sets(self):
        configuration = record(VPS, SPS, PPS)
        out = hevc.remux(hevc.Picture([b"\x46\x01a", b"\x40\x01old", IDR, SEI], 7), configuration)
        self.assertEqual((out, out.decoding), ([VPS, SPS, PPS, IDR, SEI], 7))
        self.assertEqual(hevc.remux(hevc.Picture([SPS, SLICE], 7), configuration), [SLICE])

    def test_obus_survive_the_round_trip_without_delimiters(self):
        sequence, frame = bytes([1 << 3]) + b"header", bytes([6 << 3 | 4, 0]) + b"f" * 300
        unit = av1.join([sequence, frame])
        self.assertEqual(unit[:2], b"\x12\0")
        self.assertEqual(av1.split(unit + unit), [sequence, frame] * 2)
        self.assertTrue(av1.is_key([sequence, frame]))
        self.assertFalse(av1.is_key([frame]))
        for size in range(3, len(unit)):
            try:
                self.assertLessEqual(len(av1.split(unit[:size])), 1)
            except ProtocolError:
                pass
        with self.assertRaises(ProtocolError):
            av1.split(b"\x30frame without a size")


class Rtp(unittest.TestCase):
    def payloads(self, track, units):
        packets = [parse(p) for p in Packer(track, 1).packets(9000, units)]
        self.assertTrue(all(len(p[0]) <= MAX_PAYLOAD for p in packets))
        self.assertEqual([p[3] for p in packets], [False] * (len(packets) - 1) + [True], "the marker ends the picture")
        return [p[0] for p in packets]

    def test_h265_is_aggregated_and_fragmented(self):
        first, *parts = self.payloads(sdp.Track(sdp.H265, 90000), [VPS, SPS, PPS, IDR])
        self.assertEqual((first[0] >> 1 & 63, first[2:4], first[4:9]), (hevc.AGGREGATION, b"\0\5", VPS))
        self.assertEqual([p[0] >> 1 & 63 for p in parts], [hevc.FRAGMENT] * 3)
        self.assertEqual([p[2] for p in parts], [0x80 | 19, 19, 0x40 | 19])
        self.assertEqual(b"".join(p[3:] for p in parts), IDR[2:])
        self.assertEqual(self.payloads(sdp.Track(sdp.H265, 90000), [SLICE]), [SLICE])

    def test_av1_is_fragmented(self):
        sequence, frame = bytes([1 << 3]) + b"header", bytes([6 << 3]) + b"f" * 3000
        parts = self.payloads(sdp.Track(sdp.AV1, 90000), [sequence, frame])
        self.assertEqual([p[0] for p in parts], [0x18, 0x50, 0xD0, 0x90])  # Z, Y, W = 1, N
        self.assertEqual(b"".join(p[1:] for p in parts[1:]), frame)


class Latm(unittest.TestCase):
    """GStreamer's configurations: an AudioSpecificConfig of two bytes, and libavcodec's of five."""

    PLAIN, EXTENDED = bytes.fromhex("40002320"), bytes.fromhex("40002320adca00")

    def track(self, config):
        text = f"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/48000\r\na=fmtp:97 cpresent=0;config={config.hex()}\r\n"
        (track,) = sdp.parse(text)
        return track

    def test_the_decoder_configuration_is_found(self):
        track = self.track(self.PLAIN)
        self.assertEqual((track.label, track.audio_config, track.frame_length_type), ("MPEG-4 Audio LATM", b"\x11\x90", 0))
        self.assertEqual(self.track(self.EXTENDED).frame_length_type, 2)
        # As the standard has it: frameLengthType 0, latmBufferFullness 255, no other data, no CRC.
        self.assertEqual(latm.configuration(bytes.fromhex("400023203fc0")), (b"\x11\x90", 0))
        for damaged in (b"", b"\x40\0", b"\xc0\0\x23\x20", b"\x41\0\x23\x20", b"\x40\0\x53\x20"):
            with self.assertRaises(ProtocolError):
                latm.configuration(damaged)

    def test_rtmp_readers_get_plain_frames_or_are_closed(self):
        plain, extended = FlvWriter([self.track(self.PLAIN)]), FlvWriter([self.track(self.EXTENDED)])
        self.assertIn(b"\xaf\0\x11\x90", plain.headers()[1])
        self.assertIn(b"\xaf\x01frame", plain.encode(0, 0, [b"frame"]))
        with self.assertRaisesRegex(ProtocolError, "frameLengthType 2"):
            extended.encode(0, 0, [b"frame"])

    def test_frames_are_taken_out_of_their_elements(self):
        unpacker = latm.Unpacker(None)
        frame = b"f" * 300
        element = b"\xff\x2d" + frame
        self.assertEqual(unpacker.feed(b"\x03abc", 1, 0, True), [b"abc"])
        self.assertIsNone(unpacker.feed(element[:200], 2, 0, False))
        self.assertEqual(unpacker.feed(element[200:], 3, 0, True), [frame])
        self.assertIsNone(unpacker.feed(element[:200], 4, 0, False))
        for payload, sequence in ((element[200:], 6), (b"\x05abc", 7), (b"\xff", 8), (b"", 9)):
            with self.assertRaises(ProtocolError):
                unpacker.feed(payload, sequence, 0, True)

    def test_aac_configurations_lose_their_extension(self):
        for config, plain in (("119056e500", "1190"), ("1190", "1190"), ("2b118800", "2b118800"),
                              ("17800bb808ab", "17800bb808")):
            self.assertEqual(sdp.plain_config(bytes.fromhex(config)).hex(), plain)


class Readers(unittest.TestCase):
    def test_only_who_names_the_codec_gets_it(self):
        audio = sdp.Track(sdp.AAC, 48000, "audio", audio_config=b"\x11\x90")
        for codec, name in ((sdp.H265, "hvc1"), (sdp.AV1, "av01")):
            track = sdp.Track(codec, 90000, record=record(VPS, SPS, PPS))
            self.assertEqual(FlvWriter([track, audio], ["Opus", name]).numbers, {0: 0, 1: 0})
            self.assertEqual(FlvWriter([track, audio], []).numbers, {1: 0})
            with self.assertRaises(ProtocolError):
                FlvWriter([track], [])
        # What an RTSP publisher announced has no decoder configuration to begin with.
        self.assertEqual(FlvWriter([sdp.Track(sdp.H265, 90000), audio], ["hvc1"]).numbers, {1: 0})

    def test_pictures_come_from_a_key_picture_on_with_their_publishers_times(self):
        writer = FlvWriter([sdp.Track(sdp.H265, 90000, record=record(VPS, SPS, PPS))], ["hvc1"])
        self.assertEqual(writer.encode(0, 90 * 10, hevc.Picture([SLICE], 10)), b"")
        key = writer.encode(0, 90 * 100, hevc.Picture([IDR], 67))
        self.assertIn(b"\x81hvc1\0\0\x21" + joined(IDR)[:20], key)
        self.assertIn(b"\x83hvc1" + joined(SLICE), writer.encode(0, 90 * 133, hevc.Picture([SLICE], 133)))


if __name__ == "__main__":
    unittest.main()
