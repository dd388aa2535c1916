"""Rows A and B: how an RTMP publisher's tracks are found out, and how long it may take. Row J: what commands do."""
import json
import time

from relay import amf, chunks, flv

from .cases import Case, of_kind
from .rtspclient import RtspPublisher, video_track
from .samples import AUDIO_HEADER, INTER, KEY, PPS, SPS, VIDEO_HEADER, audio, video

READ_TIMEOUT = 10.0                     # s
SLACK = 1.0                             # s, for a machine that is busy


class AnalysisRows(Case):
    def begin(self, *messages):
        client = self.client()
        self.assertEqual(client.publish(), "NetStream.Publish.Start")
        for kind, stamp, body in messages:
            client.send(kind, stamp, body)
        return client

    def assert_stays_unlisted(self, client):
        """A ping's answer says that the server has read everything before it."""
        client.send(chunks.USER_CONTROL, 0, b"\0\6\0\0\0\1", 2)
        while (message := client.message()) is not None:
            if message.kind == chunks.USER_CONTROL and message.body[:2] == b"\0\7":
                break
        self.assertIsNotNone(message, "the server closed the connection")
        self.assertIsNone(self.server.path(self.name), "listed before its tracks are known")

    def test_a_unlisted_until_two_seconds_have_been_read(self):
        client = self.begin((flv.VIDEO, 0, VIDEO_HEADER), (flv.AUDIO, 0, AUDIO_HEADER), (flv.VIDEO, 0, video(KEY)))
        for stamp in range(40, 2000, 40):
            client.send(flv.VIDEO, stamp, video(INTER))
        self.assert_stays_unlisted(client)
        code, body = self.server.request(f"/v3/paths/get/{self.name}")
        self.assertEqual((code, json.loads(body)["status"]), (404, "error"))
        client.send(flv.VIDEO, 2000, video(INTER))
        self.server.await_path(self.name)
        self.assertEqual(self.server.path(self.name)["tracks"], ["H264", "MPEG-4 Audio"])

    def test_a_second_header_two_seconds_on_ends_the_analysis(self):
        begun = time.monotonic()
        client = self.publisher()
        self.assertLess(time.monotonic() - begun, 2 * SLACK, "ready too late")
        result = self.reader()
        self.send_group(client, 0)
        time.sleep(0.2)                                  # what waits in the reader's queue would be lost
        client.close()
        got = result()
        self.assertEqual([t for t, _ in of_kind(flv.VIDEO, got)], list(range(0, 400, 40)))
        self.assertEqual([t for t, _ in of_kind(flv.AUDIO, got)], list(range(0, 400, 40)))

    def test_a_only_time_stamps_of_media_count(self):
        enhanced = b"\x90mp4a" + bytes.fromhex("1190")
        client = self.begin((flv.VIDEO, 0, VIDEO_HEADER), (flv.DATA, 5000, amf.encode("@setDataFrame", "onMetaData", {})),
                            (flv.AUDIO, 6000, enhanced), (flv.AUDIO, 1999, AUDIO_HEADER))
        self.assert_stays_unlisted(client)
        client.send(flv.VIDEO, 2000, b"\x17\2\0\0\0")    # an end of sequence is media too
        self.server.await_path(self.name)

    def test_a_first_stamp_is_the_first_messages_whatever_it_is(self):
        client = self.begin((flv.VIDEO, 700, VIDEO_HEADER), (flv.AUDIO, 0, AUDIO_HEADER), (flv.VIDEO, 2600, video(KEY)))
        self.assert_stays_unlisted(client)
        client.send(flv.VIDEO, 2700, video(KEY))
        self.server.await_path(self.name)

    def test_a_what_was_read_meanwhile_reaches_no_reader(self):
        client = self.begin((flv.VIDEO, 0, VIDEO_HEADER), (flv.AUDIO, 0, AUDIO_HEADER))
        for stamp in range(0, 2000, 500):
            self.send_group(client, stamp, 5)
        client.send(flv.AUDIO, 2000, audio(b"last"))
        self.server.await_path(self.name)
        result = self.reader()
        self.send_group(client, 2040, 5)
        time.sleep(0.2)
        client.close()
        got = result()
        self.assertEqual([t for t, _ in of_kind(flv.VIDEO, got)], list(range(2040, 2240, 40)))
        self.assertEqual([t for t, _ in of_kind(flv.AUDIO, got)], list(range(2040, 2240, 40)))

    def test_a_track_that_comes_after_the_analysis_ends_the_connection(self):
        client = self.begin((flv.AUDIO, 0, AUDIO_HEADER), (flv.AUDIO, 2000, AUDIO_HEADER))
        self.server.await_path(self.name)
        client.send(flv.VIDEO, 2000, VIDEO_HEADER)
        self.assertLess(client.await_end(), 5)
        self.server.until("the path is gone", lambda: not self.server.path(self.name))

    def test_a_no_header_no_tracks_no_path(self):
        client = self.begin((flv.AUDIO, 0, audio(b"a")), (flv.VIDEO, 0, video(KEY)), (flv.AUDIO, 2000, audio(b"b")))
        self.assertLess(client.await_end(), 5)
        self.assertIsNone(self.server.path(self.name))

    def test_a_empty_and_unknown_messages_end_the_connection(self):
        for number, (kind, body) in enumerate(((flv.AUDIO, b""), (flv.AUDIO, b"\xaf"), (flv.VIDEO, b"\x17\0"), (flv.AUDIO, b"\x1f\1x"),
                                               (17, b"\0" + amf.encode("FCPublish", 4, None)), (22, b"x"))):
            with self.subTest(kind=kind, body=body):
                client = self.client(f"{self.name}{number}")
                client.publish()
                client.send(kind, 0, body)
                self.assertLess(client.await_end(), 5)


class DeadlineRows(Case):
    def test_b_ten_seconds_from_connecting_whatever_is_sent(self):
        client = self.client()
        client.publish()
        client.send(flv.VIDEO, 0, VIDEO_HEADER)
        client.send(flv.AUDIO, 0, AUDIO_HEADER)
        keep_alive = amf.encode("@setDataFrame", "onMetaData", {"n": 1})
        try:
            while time.monotonic() - client.opened < 2 * READ_TIMEOUT:
                client.send(flv.DATA, 0, keep_alive)
                client.send(flv.AUDIO, 0, AUDIO_HEADER)
                time.sleep(0.25)
        except ConnectionError:
            pass
        self.assertAlmostEqual(time.monotonic() - client.opened, READ_TIMEOUT, delta=SLACK)

    def test_b_ten_seconds_after_the_last_message_once_it_publishes(self):
        client = self.publisher()
        end = time.monotonic() + 2
        while time.monotonic() < end:
            client.send(chunks.ACKNOWLEDGEMENT, 0, bytes(4), 2)
            time.sleep(0.25)
        last = time.monotonic()
        client.await_end()
        self.assertAlmostEqual(time.monotonic() - last, READ_TIMEOUT, delta=SLACK)
        self.server.until("the path is gone", lambda: not self.server.path(self.name))

    def test_b_ten_seconds_after_an_rtsp_publishers_last_packet(self):
        with RtspPublisher(self.server, self.name, [video_track(SPS, PPS)]) as publisher:
            publisher.picture(0, [KEY], 0)
            self.assertAlmostEqual(publisher.await_end(), READ_TIMEOUT, delta=SLACK)


class CommandRows(Case):
    generations = True

    def test_j_commands_of_goodbye_are_ignored(self):
        client = self.publisher()
        result = self.reader()
        client.command("FCUnpublish", 6, None, client.stream)
        client.command("closeStream", 7, None)
        client.command("deleteStream", 8, None, 1)
        self.send_group(client, 0)
        time.sleep(0.2)
        self.assertTrue(self.server.path(self.name))
        client.close()
        self.assertEqual(len(of_kind(flv.VIDEO, result())), 10)

    def test_j_a_refused_reader_is_just_disconnected(self):
        client = self.client()
        client.play()
        wanted = ["NetStream.Play.Reset", "NetStream.Play.Start", "NetStream.Data.Start", "NetStream.Play.PublishNotify"]
        self.assertEqual(client.statuses(), [] if self.server.version >= (1, 20, 1) else wanted)
        self.assertLess(time.monotonic() - client.opened, 5)

    def test_j_a_name_that_cannot_be_is_refused(self):
        client = self.client(self.name + "/with space")
        status = client.publish()
        self.assertEqual(status, None if self.server.version >= (1, 20, 1) else "NetStream.Publish.Start")
        if status:
            client.send(flv.AUDIO, 0, AUDIO_HEADER)
            client.send(flv.AUDIO, 2000, AUDIO_HEADER)
        self.assertLess(client.await_end(), 5)

    def test_j_a_second_publisher_takes_the_path_over(self):
        first = self.publisher()
        result = self.reader()
        former = self.server.path(self.name)["source"]["id"]
        second = self.client()
        second.publish()
        second.send(flv.AUDIO, 0, AUDIO_HEADER)
        second.send(flv.AUDIO, 2000, AUDIO_HEADER)
        first.await_end()
        result()
        self.server.until("the second is the source", lambda: self.server.path(self.name)["source"]["id"] != former)
