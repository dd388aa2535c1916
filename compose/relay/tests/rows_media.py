"""Rows C to G: what a reader gets of a publisher's media, and when."""
import os
import struct
import time
from concurrent.futures import ThreadPoolExecutor

from relay import amf, flv, h264

from .cases import Case, of_kind
from .rtmpclient import RtmpClient
from .rtspclient import LATM_TRACK, OPUS_TRACK, PCMA_TRACK, RtspPublisher, aac_track, video_track
from .samples import AUDIO_CONFIG, DELIMITER, INTER, KEY, PPS, SEI, SPS, VIDEO_HEADER, audio, picture, sps, video
from .servers import WRITE_QUEUE

SETTLE = 0.2                            # s, for a queue to be sent: when the publisher leaves the rest is lost
# What the kernel takes for a reader that reads nothing; Linux lets it grow to this.
SEND_BUFFER = int(open("/proc/sys/net/ipv4/tcp_wmem").read().split()[2]) if os.path.exists("/proc/sys/net/ipv4/tcp_wmem") else 4 << 20
TRACKS = [video_track(SPS, PPS), aac_track(AUDIO_CONFIG)]


def nals_of(body):
    return h264.split_nals(body[5:])


class MetadataRows(Case):
    def values(self, got):
        return amf.decode(of_kind(flv.DATA, got)[0][1])

    def test_c_metadata_names_codecs_and_nothing_else(self):
        client = self.publisher()
        result = self.reader()
        client.close()
        got = result()
        self.assertEqual(self.values(got), ["@setDataFrame", "onMetaData", {
            "videocodecid": 7, "videodatarate": 0, "audiocodecid": 10, "audiodatarate": 0}])
        self.assertEqual([(k, t) for k, t, _ in got], [(flv.DATA, 0), (flv.VIDEO, 0), (flv.AUDIO, 0)])
        self.assertEqual(h264.parameter_sets(got[1][2][5:]), (SPS, PPS))
        self.assertEqual(got[2][2], b"\xaf\0" + AUDIO_CONFIG)

    def test_j_opus_is_left_out_for_rtmp_readers(self):
        with RtspPublisher(self.server, self.name, [video_track(SPS, PPS), OPUS_TRACK]) as publisher:
            self.server.await_path(self.name)
            self.assertEqual(self.server.path(self.name)["tracks"], ["H264", "Opus"])
            result, knowing = self.reader(), self.reader(codecs=["Opus"])
            publisher.picture(0, [KEY], 0)
            publisher.packet(1, b"\xfcopus", 0, kind=97)
            time.sleep(SETTLE)
        got = result()
        self.assertEqual(self.values(got)[2]["audiocodecid"], 0)
        self.assertEqual((len(of_kind(flv.VIDEO, got)), len(of_kind(flv.AUDIO, got, True))), (1, 0))
        bodies = [body for _, body in of_kind(flv.AUDIO, knowing(), True)]
        self.assertEqual(([b[:5] for b in bodies], bodies[1][5:]), ([b"\x90Opus", b"\x91Opus"], b"\xfcopus"))

    def test_j_only_opus_is_refused_to_rtmp_readers(self):
        with RtspPublisher(self.server, self.name, [OPUS_TRACK]):
            self.server.await_path(self.name)
            client = self.client()
            client.play()
            self.assertLess(client.await_end(), 5)

    def test_j_aac_as_gstreamers_latm_ends_rtmp_readers(self):
        with RtspPublisher(self.server, self.name, [video_track(SPS, PPS), LATM_TRACK]) as publisher:
            self.server.await_path(self.name)
            self.assertEqual(self.server.path(self.name)["tracks"], ["H264", "MPEG-4 Audio LATM"])
            client = self.client()
            client.play()
            end = time.monotonic() + 5
            with ThreadPoolExecutor(1) as pool:
                ended = pool.submit(client.await_end)
                while not ended.done() and time.monotonic() < end:
                    publisher.packet(1, b"\5sound", 1024, kind=97)
                    time.sleep(0.05)
                self.assertTrue(ended.done(), "the reader stays")
            self.assertTrue(self.server.path(self.name), "the publisher must not suffer")

    def test_j_g711_is_handed_on(self):
        with RtspPublisher(self.server, self.name, [video_track(SPS, PPS), PCMA_TRACK]) as publisher:
            self.server.await_path(self.name)
            self.assertEqual(self.server.path(self.name)["tracks"], ["H264", "G711"])
            result = self.reader()
            publisher.packet(1, b"\xd5" * 160, 0, kind=8)
            publisher.packet(1, b"\xd4" * 160, 160, kind=8)
            time.sleep(SETTLE)
        got = result()
        self.assertEqual(self.values(got)[2]["audiocodecid"], 7)
        self.assertEqual([(t, b) for t, b in of_kind(flv.AUDIO, got)], [(0, b"\x72" + b"\xd5" * 160), (20, b"\x72" + b"\xd4" * 160)])



class SeveralTracksRows(Case):
    generations = True

    def test_j_a_second_audio_track_comes_in_enhanced_messages(self):
        with RtspPublisher(self.server, self.name, [*TRACKS, aac_track(AUDIO_CONFIG)]) as publisher:
            self.server.await_path(self.name)
            result = self.reader(codecs=["mp4a"])
            legacy = self.reader()
            publisher.sound(1, [b"first"], 0)
            publisher.sound(2, [b"second"], 0)
            time.sleep(SETTLE)
        first, second = [[b"\xaf\0" + AUDIO_CONFIG, b"\xaf\1first"], [b"\x95\0mp4a\1" + AUDIO_CONFIG, b"\x95\1mp4a\1second"]]
        further = {"2": {"audiocodecid": 10, "audiodatarate": 0}}
        self.seen(result(), [first, second], further)
        self.seen(legacy(), [first] if self.server.version >= (1, 16, 2) else [first, second],
                  None if self.server.version >= (1, 16, 2) else further)

    def seen(self, got, tracks, further):
        self.assertEqual(amf.decode(of_kind(flv.DATA, got)[0][1])[2].get("audioTrackIdInfoMap"), further)
        self.assertEqual([body for _, body in of_kind(flv.AUDIO, got, True)], [body for pair in zip(*tracks) for body in pair])

    def test_j_enhanced_publishers_and_several_tracks_are_understood(self):
        record = h264.decoder_configuration(SPS, PPS)
        sample = struct.pack(">I", len(KEY)) + KEY
        client = self.client()
        client.publish()
        for kind, stamp, body in ((flv.VIDEO, 0, b"\x90avc1" + record), (flv.AUDIO, 0, b"\x90mp4a" + AUDIO_CONFIG),
                                  (flv.AUDIO, 0, b"\x95\0mp4a\1" + AUDIO_CONFIG), (flv.AUDIO, 0, b"\x91mp4aa"),
                                  (flv.AUDIO, 0, b"\x95\1mp4a\1b"), (flv.AUDIO, 2000, b"\x91mp4ac")):
            client.send(kind, stamp, body)
        self.server.await_path(self.name)
        self.assertEqual(self.server.path(self.name)["tracks"], ["H264", "MPEG-4 Audio", "MPEG-4 Audio"])
        result = self.reader(codecs=["mp4a"])
        client.send(flv.VIDEO, 2040, b"\x91avc1\0\0\x28" + sample)
        client.send(flv.AUDIO, 2040, b"\x91mp4ad")
        client.send(flv.AUDIO, 2040, b"\x95\1mp4a\1e")
        time.sleep(SETTLE)
        client.close()
        got = result()
        self.assertEqual([(t, b) for t, b in of_kind(flv.AUDIO, got) if b[1:2] == b"\1"],
                         [(2040, b"\xaf\1d"), (2040, b"\x95\1mp4a\1e")])
        self.assertEqual([(t, nals_of(b)) for t, b in of_kind(flv.VIDEO, got)], [(2080, [SPS, PPS, KEY])])


class LateReaderRows(Case):
    def test_d_a_late_rtmp_reader_begins_with_the_next_key_picture(self):
        client = self.publisher()
        self.send_group(client, 0)
        early = self.server.until("all was received", lambda: self.server.path(self.name)["bytesReceived"] > 100)
        self.assertTrue(early)
        result = self.reader()
        for number in range(10, 15):                     # the rest of the group
            client.send(flv.VIDEO, 40 * number, video(INTER))
            client.send(flv.AUDIO, 40 * number, audio(b"rest"))
        self.send_group(client, 600)
        time.sleep(SETTLE)
        client.close()
        got = result()
        self.assertEqual([t for t, _ in of_kind(flv.VIDEO, got)], list(range(600, 1000, 40)))
        self.assertEqual([t for t, _ in of_kind(flv.AUDIO, got)], list(range(400, 1000, 40)))

    def test_d_pictures_before_the_first_key_picture_are_dropped(self):
        with RtspPublisher(self.server, self.name, TRACKS) as publisher:
            self.server.await_path(self.name)
            result = self.reader()
            publisher.picture(0, [INTER], 0)
            publisher.sound(1, [b"a"], 0)
            publisher.picture(0, [KEY], 3000)
            publisher.picture(0, [INTER], 6000)
            time.sleep(SETTLE)
        self.assertEqual([nals_of(b) for _, b in of_kind(flv.VIDEO, result())], [[SPS, PPS, KEY], [INTER]])


class ParameterSetRows(Case):
    def test_e_rtsp_in_parameter_sets_lead_every_key_picture(self):
        other = sps(width=20)
        with RtspPublisher(self.server, self.name, TRACKS) as publisher:
            self.server.await_path(self.name)
            result = self.reader()
            publisher.picture(0, [DELIMITER, SEI, KEY], 0)
            publisher.picture(0, [DELIMITER, INTER], 3000)
            publisher.picture(0, [DELIMITER, SPS, PPS, SEI, KEY], 6000)
            publisher.picture(0, [other, PPS, KEY], 9000)
            publisher.picture(0, [INTER], 12000)
            time.sleep(SETTLE)
        got = result()
        # The first SEI has gone: the track begins with its first packet that holds a key picture or parameter sets.
        self.assertEqual([nals_of(b) for _, b in of_kind(flv.VIDEO, got)],
                         [[SPS, PPS, KEY], [INTER], [SPS, PPS, SEI, KEY], [other, PPS, KEY], [INTER]])
        self.assertEqual(len(of_kind(flv.VIDEO, got, True)), 6, "new parameter sets come with the picture, not as a header")
        self.assertEqual([b[0] for _, b in of_kind(flv.VIDEO, got)], [0x17, 0x27, 0x17, 0x17, 0x27])

    def test_e_rtmp_in_parameter_sets_lead_every_key_picture(self):
        other = sps(width=20)
        client = self.publisher()
        result = self.reader()
        client.send(flv.VIDEO, 0, video(DELIMITER, SEI, KEY))
        client.send(flv.VIDEO, 40, video(DELIMITER, INTER))
        client.send(flv.VIDEO, 80, video(SPS, PPS, KEY))
        client.send(flv.VIDEO, 120, b"\x17\0\0\0\0" + h264.decoder_configuration(other, PPS))
        client.send(flv.VIDEO, 120, video(KEY))
        time.sleep(SETTLE)
        client.close()
        got = result()
        self.assertEqual([nals_of(b) for _, b in of_kind(flv.VIDEO, got)],
                         [[SPS, PPS, SEI, KEY], [INTER], [SPS, PPS, KEY], [other, PPS, KEY]])
        self.assertEqual(len(of_kind(flv.VIDEO, got, True)), 5)


class DatingRows(Case):
    def test_f_rtsp_tracks_are_dated_by_arrival_not_by_sender_reports(self):
        with RtspPublisher(self.server, self.name, TRACKS) as publisher:
            self.server.await_path(self.name)
            result = self.reader()
            publisher.report(0, 1000.0, 90000)
            publisher.report(1, 1000.0, 48000)
            publisher.picture(0, [KEY], 90000)
            begun = time.monotonic()
            time.sleep(0.5)
            publisher.sound(1, [b"a", b"b"], 48000)      # the reports say: at the same time as the picture
            waited = 1000 * (time.monotonic() - begun)
            publisher.picture(0, [INTER], 90000 + 3600)
            publisher.sound(1, [b"c"], 48000 + 2048)
            time.sleep(SETTLE)
        got = result()
        self.assertEqual([t for t, _ in of_kind(flv.VIDEO, got)], [0, 40])
        times = [t for t, _ in of_kind(flv.AUDIO, got)]
        # On a busy machine a packet arrives later than it was sent; by the reports it would be 0.
        self.assertTrue(waited - 300 < times[0] < waited + 1500, f"{times[0]} ms, sent after {waited:.0f} ms")
        self.assertIn(times[1] - times[0], (21, 22))
        self.assertIn(times[2] - times[0], (42, 43))

    def test_f_rtmp_time_stamps_are_kept(self):
        client = self.publisher()
        result = self.reader()
        client.send(flv.VIDEO, 5000, video(KEY))
        client.send(flv.AUDIO, 4321, audio(b"a"))
        client.send(flv.AUDIO, 4343, audio(b"b"))
        client.send(flv.VIDEO, 5033, video(INTER))
        time.sleep(SETTLE)
        client.close()
        got = result()
        self.assertEqual([t for t, _ in of_kind(flv.VIDEO, got)], [5000, 5033])
        self.assertEqual([t for t, _ in of_kind(flv.AUDIO, got)], [4321, 4343])

    def test_f_decoding_times_are_made_anew_from_picture_order(self):
        header = b"\x17\0\0\0\0" + h264.decoder_configuration(sps(77, order=0), PPS)
        client = self.publisher(headers=(header,))
        result = self.reader()
        # Shown in the order 0 2 1 4 3: each second picture is shown before its reference, which is decoded first.
        for number, (display, count) in enumerate(((80, 0), (160, 4), (120, 2), (240, 8), (200, 6), (320, 12))):
            nal = picture(count, number == 0)
            client.send(flv.VIDEO, 40 * number, video(nal, offset=display - 40 * number))
        time.sleep(SETTLE)
        client.close()
        got = of_kind(flv.VIDEO, result())
        # A deeper reordering than assumed costs one picture a millisecond, and rounding down twice another.
        self.assertEqual([t for t, _ in got], [80, 120, 121, 160, 200, 240])
        self.assertEqual([t + (int.from_bytes(b[2:5], "big") ^ 0x800000) - 0x800000 for t, b in got], [80, 160, 120, 239, 200, 320])


class LeavingRows(Case):
    def test_g_readers_are_closed_with_their_publisher_without_notice(self):
        for number, close in enumerate(("rtmp", "rtsp")):
            name = f"{self.name}{number}"
            with self.subTest(close):
                publisher = self.publisher(name) if close == "rtmp" else RtspPublisher(self.server, name, TRACKS)
                self.server.await_path(name)
                reader = RtmpClient(self.server, name)
                self.addCleanup(reader.close)
                reader.play()
                self.server.await_readers(name)
                publisher.close()
                left = time.monotonic()
                self.assertNotIn("NetStream.Play.UnpublishNotify", reader.statuses())
                self.assertLess(time.monotonic() - left, 2)
                self.server.until("the path is gone", lambda: not self.server.path(name))

    def test_g_a_reader_that_leaves_is_noticed_when_it_is_written_to(self):
        client = self.publisher()
        reader = self.client()
        reader.play()
        while (message := reader.message()) and message.kind != flv.AUDIO:
            pass                                         # the headers, the last that it is sent by itself
        reader.close()
        time.sleep(0.3)
        self.assertEqual(len(self.server.path(self.name)["readers"]), 1, "noticed though nothing was sent")
        for stamp in range(0, 2000, 40):
            client.send(flv.AUDIO, stamp, audio(b"sound"))
            time.sleep(0.02)
        self.server.until("the reader is gone", lambda: not self.server.path(self.name)["readers"])

    def test_g_what_waits_for_a_reader_is_lost_with_the_publisher(self):
        client = self.publisher()
        reader = self.client(receive_buffer=65536)       # it does not read yet
        reader.play()
        self.server.await_readers(self.name)
        count = self.burst(client)
        client.close()
        self.server.until("the path is gone", lambda: not self.server.path(self.name))
        self.assertLess(len(of_kind(flv.VIDEO, reader.media())), count - 10)

    def burst(self, client, size=100_000):
        """Key pictures, some more than the kernel's buffers take; waits until the server has read them, and gives their number."""
        count = SEND_BUFFER // size + 30
        before = self.server.path(self.name)["bytesReceived"]
        for number in range(count):
            client.send(flv.VIDEO, 40 * number, video(picture(0, True, size)))
        self.server.until("all was received", lambda: self.server.path(self.name)["bytesReceived"] - before >= count * size)
        return count

    def test_g_a_slow_readers_queue_takes_so_many_units_and_drops_the_rest(self):
        client = self.publisher()
        reader = self.client(receive_buffer=65536)
        reader.play()
        self.server.await_readers(self.name)
        count = self.burst(client)                       # the kernel's buffers are full from here on
        for number in range(WRITE_QUEUE + 500):
            client.send(flv.AUDIO, number, audio(b"sound"))
        client.send(flv.DATA, 0, amf.encode("onTextData", {}))
        self.server.until("the reader's losses are logged", lambda: "discard" in self.server.log_text())
        got = []
        while len(got) < WRITE_QUEUE:                    # it is still connected, and reads on
            message = reader.message()
            self.assertIsNotNone(message, "the slow reader was closed")
            got += [message.kind] if message.kind in (flv.AUDIO, flv.VIDEO) and message.body[1] else []
        client.close()
        rest = [k for k, _, b in reader.media() if k in (flv.AUDIO, flv.VIDEO) and b[1]]
        self.assertLess(len(got) + len(rest), count + WRITE_QUEUE + 100)

    def test_g_a_reader_that_takes_nothing_for_ten_seconds_is_closed(self):
        client = self.publisher()
        reader = self.client(receive_buffer=65536)
        reader.play()
        self.server.await_readers(self.name)
        self.burst(client)
        begun = time.monotonic()
        while self.server.path(self.name)["readers"]:
            self.assertLess(time.monotonic() - begun, 15, "the reader is still connected")
            client.send(flv.VIDEO, 9000, VIDEO_HEADER)   # keeps the publisher's connection
            time.sleep(0.2)
        self.assertAlmostEqual(time.monotonic() - begun, 10, delta=1.5)
