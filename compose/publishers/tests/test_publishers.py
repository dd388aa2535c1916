"""Publishers that people use, against the relay or a real MediaMTX:  scripts/publisher-tests.sh"""

import os
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

from . import media, rtmp, stage
from .server import MediaServer

#: A publisher that leaves takes its readers' queues with it (MediaMTX): this many of the last packets may be missing.
LOST_AT_THE_END = 4
#: Of 10 s, a reader that joins when the path is listed gets at least this much: it may wait for the next key frame.
LEAST_S = 1.0
#: AAC frames a second at 48 kHz, rounded down.
AAC_RATE = 46

_stage = {}


def setUpModule():
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    os.chmod(folder.name, 0o755)  # the publishers' container reads the clips, whoever it runs as
    server = MediaServer()
    unittest.addModuleCleanup(server.close)
    clips = media.Clips(folder.name)
    cases = {name: case for name, case in stage.CASES.items() if _has_gstreamer() or not name.startswith("gst-")}
    with ThreadPoolExecutor(8 * len(cases)) as pool:
        clips.make_all(pool)
        _stage.update(clips=clips, server=server, outcomes=stage.run(server, clips, pool, cases))


def _has_gstreamer():
    found = subprocess.run(["docker", "image", "inspect", stage.IMAGE], capture_output=True).returncode == 0
    return found or os.environ.get("CI") == "true"  # in CI what is not there must fail, not be passed over


class PublisherTest(unittest.TestCase):
    def outcome(self, name):
        if name not in _stage["outcomes"]:
            self.skipTest(f"there is no image {stage.IMAGE}: scripts/publisher-tests.sh builds it")
        return _stage["outcomes"][name]

    def sent(self, name, kind="video"):
        case = stage.CASES[name]
        key = (case.clip, case.pictures)
        if key not in _stage:
            _stage[key] = media.tracks_of(_stage["clips"].path(case.clip), case.pictures)
        return [track for track in _stage[key] if track.kind == kind]

    def read(self, name, reader):
        got = self.outcome(name).readers[reader]
        if isinstance(got, BaseException):
            self.fail(f"{reader} reader of {name}: {got}\n{_stage['server'].log_text()[-3000:]}")
        return got

    def tracks(self, name, reader, kind):
        return [track for track in self.read(name, reader) if track.kind == kind]

    def assert_run(self, got, sent, what, least):
        """What came is what was sent, from some packet on, without a gap, to the end."""
        self.assertGreaterEqual(len(got), least, f"{what}: {len(got)} of {len(sent)} packets")
        self.assertIn(got[0], sent, f"{what}: the first packet is none that was sent")
        # The smallest packets, such as AV1's "show this frame again", are not all different.
        starts = [index for index, packet in enumerate(sent) if packet == got[0]]
        compared = ((start, self.differences(got, sent[start:])) for start in starts)
        first, wrong = min(compared, key=lambda pair: len(pair[1]))
        self.assertEqual(wrong[:5], [], f"{what}: packets that differ, counted from number {first} ({len(got)} came)")
        self.assertLessEqual(len(sent) - first - len(got), LOST_AT_THE_END, f"{what}: packets missing at the end")

    @staticmethod
    def differences(got, sent):
        """Where packets differ, or are more than were sent."""
        return [n for n, packet in enumerate(got) if n >= len(sent) or packet != sent[n]]

    def assert_pictures(self, name, rate=30):
        for reader in ("rtsp", "rtmp"):
            with self.subTest(reader=reader):
                (track,) = self.tracks(name, reader, "video")
                sent = self.sent(name)[0].frames
                self.assert_run(track.frames, sent, f"pictures of {name} over {reader}", LEAST_S * rate)

    def assert_sound(self, name):
        for reader in ("rtsp", "rtmp"):
            with self.subTest(reader=reader):
                track = self.tracks(name, reader, "audio")[0]
                self.assertEqual(track.codec, "aac")
                sent = self.sent(name, "audio")[0].frames
                self.assert_run(track.frames, sent, f"sound of {name} over {reader}", LEAST_S * AAC_RATE)

    def assert_ended(self, name):
        outcome = self.outcome(name)
        words = f"{outcome.complaint}\n{_stage['server'].log_text()[-2000:]}"
        self.assertEqual(outcome.exit, 0, f"{name} ended so: {words}")


class GStreamerTests(PublisherTest):
    """GStreamer of Debian 12 (1.22)."""

    def test_rtspclientsink_is_read_intact(self):
        """Its AAC is LATM unless rtpmp4apay is put out of the way. Which track comes first is chance."""
        for name, sound in (("gst-rtspclientsink", "MPEG-4 Audio LATM"), ("gst-aac-hbr", "MPEG-4 Audio")):
            with self.subTest(name):
                self.assertEqual(sorted(self.outcome(name).tracks), ["H264", sound])
                self.assertEqual(self.outcome(name).source, "rtspSession")
                self.assert_pictures(name)
                self.assert_sound(name)

    def test_latm_with_an_extended_configuration_reaches_rtsp_readers_only(self):
        """GStreamer writes it where MediaMTX reads a frameLengthType: RTMP readers are closed at the first sound."""
        name = "gst-extended"
        self.assertEqual(sorted(self.outcome(name).tracks), ["H264", "MPEG-4 Audio LATM"])
        (track,) = self.tracks(name, "rtsp", "video")
        self.assert_run(track.frames, self.sent(name)[0].frames, "pictures over rtsp", LEAST_S * 30)
        sound = [m for m in self.read(name, "play") if m.kind == rtmp.AUDIO]
        self.assertLessEqual(len(sound), 1, "an RTMP reader got more than the decoder's configuration")

    def test_rtspclientsink_ends_with_0(self):
        for name in ("gst-rtspclientsink", "gst-aac-hbr", "gst-extended", "gst-camera"):
            with self.subTest(name):
                self.assert_ended(name)

    def test_rtmp2sink_is_read_intact(self):
        name = "gst-rtmp2sink"
        self.assertEqual(self.outcome(name).tracks, ["H264", "MPEG-4 Audio"])
        self.assertEqual(self.outcome(name).source, "rtmpConn")
        self.assert_pictures(name)
        self.assert_sound(name)

    def test_rtmp2sink_ends_with_0(self):
        """A server that closes at FCUnpublish makes it end with 1."""
        self.assert_ended("gst-rtmp2sink")

    def test_rtspclientsink_as_a_camera_with_pcma(self):
        name = "gst-camera"
        self.assertEqual(sorted(self.outcome(name).tracks), ["G711", "H264"])
        self.assert_pictures(name, rate=15)


class ObsTests(PublisherTest):
    """OBS by its headers: enhanced RTMP v2."""

    def test_two_audio_tracks_are_both_listed(self):
        self.assertEqual(self.outcome("obs-two-voices").tracks, ["H264", "MPEG-4 Audio", "MPEG-4 Audio"])

    def test_pictures_and_first_voice_are_read_intact(self):
        self.assert_pictures("obs-two-voices")
        self.assert_sound("obs-two-voices")

    def test_rtsp_readers_get_the_second_voice_as_a_track_of_its_own(self):
        voices = self.tracks("obs-two-voices", "rtsp", "audio")
        self.assertEqual([track.codec for track in voices], ["aac", "aac"])
        sent = self.sent("obs-two-voices", "audio")[1].frames
        self.assert_run(voices[1].frames, sent, "second voice over rtsp", LEAST_S * AAC_RATE)

    def test_rtmp_readers_get_the_second_voice_as_multitrack(self):
        head = bytes([0x90 | rtmp.AUDIO_MULTITRACK, rtmp.CODED_FRAMES]) + b"mp4a\x01"
        messages = [m.body for m in self.read("obs-two-voices", "play") if m.kind == rtmp.AUDIO]
        got = [body[len(head):] for body in messages if body.startswith(head)]
        self.assert_run(got, self.payloads("two-voices.mp4", 2), "second voice over rtmp", LEAST_S * AAC_RATE)

    def test_rtmp_readers_get_the_decoder_configuration_without_its_extension(self):
        """libavcodec's AAC encoder writes 1190 56e500; MediaMTX keeps what it understands."""
        name = "obs-two-voices"
        bodies = [m.body for m in self.read(name, "play") if m.kind == rtmp.AUDIO]
        starts = [b for b in bodies if b[:2] == b"\xaf\0" or b[:2] == bytes([0x90 | rtmp.AUDIO_MULTITRACK, 0])]
        first, second = b"\xaf\0\x11\x90", bytes([0x90 | rtmp.AUDIO_MULTITRACK, 0]) + b"mp4a\x01\x11\x90"
        self.assertEqual(starts, [first, second])

    def test_hevc(self):
        name = "obs-hevc"
        self.assertEqual(self.outcome(name).tracks, ["H265", "MPEG-4 Audio"])
        (track,) = self.tracks(name, "rtsp", "video")
        self.assertEqual(track.codec, "hevc")
        self.assert_run(track.frames, self.sent(name)[0].frames, "hevc over rtsp", LEAST_S * 30)
        got = [pictures_of_hevc(p) for p in rtmp.coded_frames(self.read(name, "play"), b"hvc1")]
        sent = [pictures_of_hevc(p) for p in self.payloads("hevc.mp4", 0)]
        self.assert_run(got, sent, "hevc over rtmp", LEAST_S * 30)

    def test_av1(self):
        name = "obs-av1"
        self.assertEqual(self.outcome(name).tracks, ["AV1", "MPEG-4 Audio"])
        got = [without_delimiter(p) for p in rtmp.coded_frames(self.read(name, "play"), b"av01")]
        sent = [without_delimiter(p) for p in self.payloads("av1.mp4", 0)]
        self.assert_run(got, sent, "av1 over rtmp", LEAST_S * 30)

    def test_codecs_that_a_reader_did_not_name_are_not_sent_to_it(self):
        """fourCcList in its connect command; ffmpeg 5.1 has none, and takes hvc1 for Flash Screen Video."""
        for name in ("obs-hevc", "obs-av1"):
            with self.subTest(name):
                messages = self.read(name, "play-plain")
                self.assertEqual([m.body[:5] for m in messages if m.kind == rtmp.VIDEO][:1], [])
                self.assertGreater(sum(m.kind == rtmp.AUDIO for m in messages), LEAST_S * AAC_RATE)

    def test_each_ends_with_0(self):
        for name in ("obs-two-voices", "obs-hevc", "obs-av1"):
            with self.subTest(name):
                self.assert_ended(name)

    def payloads(self, clip, stream):
        _, packets = media.packets_of(_stage["clips"].path(clip))
        return [payload for index, _, _, _, payload in packets if index == stream]


class CameraTests(PublisherTest):
    """H.264 baseline without B-frames at 15 fps; 8 kHz A-law or no audio."""

    def test_pcma_is_listed_and_its_pictures_are_read_intact(self):
        for name, source in (("camera", "rtspSession"), ("camera-rtmp", "rtmpConn")):
            with self.subTest(name):
                self.assertEqual((self.outcome(name).tracks, self.outcome(name).source), (["H264", "G711"], source))
                self.assert_pictures(name, rate=15)
                self.assert_ended(name)

    def test_pcma_reaches_readers_of_both_protocols(self):
        for name in ("camera", "camera-rtmp", "gst-camera"):
            for reader in ("rtsp", "rtmp"):
                with self.subTest(name, reader=reader):
                    self.assertEqual([t.codec for t in self.tracks(name, reader, "audio")], ["pcm_alaw"])

    def test_rtmp_readers_get_every_sample_of_pcma(self):
        clip = _stage["clips"].path("camera.mov")
        sent = media.run("ffmpeg", "-v", "error", "-i", clip, "-map", "0:a", "-c", "copy", "-f", "alaw", "-")
        for name in ("camera", "camera-rtmp", "gst-camera"):
            with self.subTest(name):
                got = self.read(name, "rtmp-alaw")
                self.assertGreater(len(got), LEAST_S * 8000)
                self.assertIn(got, sent)

    def test_a_camera_without_audio_has_one_track_for_everybody(self):
        for name in ("silent-camera", "silent-camera-rtmp"):
            with self.subTest(name):
                self.assertEqual(self.outcome(name).tracks, ["H264"])
                self.assert_pictures(name, rate=15)
                self.assert_ended(name)
                for reader in ("rtsp", "rtmp"):
                    self.assertEqual([t.kind for t in self.read(name, reader)], ["video"])

    def test_pictures_stay_a_fifteenth_of_a_second_apart(self):
        for name in ("camera", "silent-camera", "silent-camera-rtmp", "gst-camera"):
            with self.subTest(name):
                times = self.tracks(name, "rtmp", "video")[0].times
                steps = [b - a for a, b in zip(times, times[1:])]
                # RTMP has whole milliseconds.
                worst = max(abs(step - 1 / 15) for step in steps)
                self.assertLess(worst, 0.0021, f"{name}: {min(steps):.4f} … {max(steps):.4f} s")


def pictures_of_hevc(payload):
    """The slices of a length-prefixed access unit (H.265, 7.4.2: types below 32)."""
    units, at = [], 0
    while at + 4 <= len(payload):
        size = int.from_bytes(payload[at:at + 4], "big")
        unit = payload[at + 4:at + 4 + size]
        at += 4 + size
        if unit and unit[0] >> 1 & 63 < 32:
            units.append(unit)
    return units


def without_delimiter(payload):
    """Servers may put a temporal delimiter OBU (type 2, no payload) before a temporal unit, or take it away."""
    return payload.removeprefix(b"\x12\x00")


if __name__ == "__main__":
    unittest.main()
