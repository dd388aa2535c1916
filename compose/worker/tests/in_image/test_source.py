"""What the worker makes of publishers besides ffmpeg. Needs PyAV: runs in the worker's image, see ../../README.md."""

import http.server
import json
import logging
import math
import os
import queue
import struct
import tempfile
import threading
import unittest
import unittest.mock

import av

from worker import flv, settings
from worker.segmenter import Fragment
from worker.source import Source, SourceError, StreamInfo, VideoPacket

av.logging.set_level(av.logging.FATAL)  # as the worker: what matters is thrown
SECONDS = 7
#: What MediaMTX 1.15.6 writes, of whatever tracks: neither size nor frame rate.
_METADATA = {"videodatarate": 0.0, "audiodatarate": 0.0}
_CODEC_ID = {"h264": 7.0, "aac": 10.0, "pcm_alaw": 7.0, None: 0.0}


def tone(hertz, rate, samples, at):
    values = (9_000 * math.sin(2 * math.pi * hertz * (at + i) / rate) for i in range(samples))
    return b"".join(struct.pack("<h", round(value)) for value in values)


def tags_of(path):
    """Kind, time (ms) and body of each tag of an FLV file."""
    with open(path, "rb") as file:
        data = file.read()
    at = 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        yield data[at], int.from_bytes(data[at + 4 : at + 7], "big"), data[at + 11 : at + 11 + size]
        at += 11 + size + 4


def write(path, tags):
    with open(path, "wb") as file:
        file.write(b"FLV\x01\x05\x00\x00\x00\x09" + bytes(4))
        for kind, stamp, body in tags:
            file.write(bytes([kind]) + len(body).to_bytes(3, "big") + stamp.to_bytes(3, "big") + bytes(4) + body)
            file.write(struct.pack(">I", 11 + len(body)))


def encode(path, video, audio, hertz=440):
    """A clip of a test picture at 15 fps without B-frames and a tone, as FLV."""
    with av.open(path, "w", format="flv") as container:
        pictures = sound = None
        if video:
            pictures = container.add_stream(video, rate=15)
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
            pictures.options = {"bf": "0", "g": "15", "profile": "baseline", "preset": "ultrafast"}
        if audio:
            rate = 8_000 if audio == "pcm_alaw" else 48_000
            sound = container.add_stream(audio, rate=rate)
            sound.layout = "mono"
            step = rate // 15
        for number in range(SECONDS * 15):
            if pictures:
                frame = av.VideoFrame(64, 48, "yuv420p")
                for plane in frame.planes:
                    plane.update(bytes([number % 200 + 20]) * plane.buffer_size)
                frame.pts = number
                for packet in pictures.encode(frame):
                    container.mux(packet)
            if sound:
                frame = av.AudioFrame(format="s16", layout="mono", samples=step)
                frame.sample_rate, frame.pts = rate, number * step
                data = tone(hertz, rate, step, number * step)
                frame.planes[0].update(data + bytes(frame.planes[0].buffer_size - len(data)))
                for packet in sound.encode(frame):
                    container.mux(packet)
        for stream in (pictures, sound):
            for packet in stream.encode() if stream else []:
                container.mux(packet)


class MediaApi:
    """The control API of a media server that has one path; its tracks are those given."""

    def __init__(self, tracks):
        document = json.dumps({"name": "x", "ready": True, "tracks": tracks}).encode()
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", str(len(document)))
                self.end_headers()
                self.wfile.write(document)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class SourceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def stream(self, video="h264", audio="aac", second_voice=False, voice_begins_ms=0):
        """An FLV file as an RTMP reader of MediaMTX would receive it; the second voice may begin late."""
        raw, path = os.path.join(self.folder, "raw.flv"), os.path.join(self.folder, "stream.flv")
        encode(raw, "libx264" if video else None, audio)
        fields = {"videocodecid": _CODEC_ID[video], "audiocodecid": _CODEC_ID[audio]} | _METADATA
        tags = [(flv.DATA, 0, flv.amf("onMetaData", fields))]
        tags += [tag for tag in tags_of(raw) if tag[0] != flv.DATA]
        if second_voice:
            other = os.path.join(self.folder, "other.flv")
            encode(other, None, "aac", hertz=1_000)
            for _, stamp, body in list(tags_of(other)):
                if body[0] == 0xAF and stamp >= voice_begins_ms:
                    # Enhanced RTMP v2: multitrack, one track, mp4a, number 1.
                    tags.append((flv.AUDIO, stamp, bytes([0x95, body[1]]) + b"mp4a\x01" + body[2:]))
            tags.sort(key=lambda tag: tag[1])  # a stable sort: what begins at 0 keeps its order
        write(path, tags)
        return path

    def read(self, url, api_url="http://127.0.0.1:9"):
        """All that a source delivers, its end included."""
        items = queue.Queue()
        configuration = settings.load({"MEDIA_API_URL": api_url, "INPUT_TIMEOUT_S": "5"})
        Source(url, configuration, logging.LoggerAdapter(logging.getLogger("test"), {}), items.put).start()
        delivered = []
        while not delivered or not (delivered[-1] is None or isinstance(delivered[-1], Exception)):
            delivered.append(items.get(timeout=30))
        return delivered

    def of(self, kind, delivered):
        return [item for item in delivered if isinstance(item, kind)]

    def hertz(self, fragment):
        """The frequency of a fragment's tone, by its zero crossings."""
        left = [s[0] for s in struct.iter_unpack("<hh", fragment.pcm)][4_800:52_800]
        return sum(1 for a, b in zip(left, left[1:]) if a < 0 <= b)

    def refusal(self, delivered):
        self.assertIsInstance(delivered[-1], SourceError, f"not refused: {delivered[-1]!r}")
        self.assertEqual(self.of(StreamInfo, delivered), [], "something was published before the refusal")
        return delivered[-1]


class Cameras(SourceTest):
    def test_pictures_at_15_fps_with_pcma_are_read_whole(self):
        delivered = self.read(self.stream(audio="pcm_alaw"))
        self.assertIsNone(delivered[-1])
        (info,) = self.of(StreamInfo, delivered)
        self.assertEqual((info.width, info.height), (64, 48))
        pictures = self.of(VideoPacket, delivered)
        self.assertEqual(len(pictures), SECONDS * 15)
        self.assertTrue(all(p.pts_ms == p.dts_ms for p in pictures))
        fragments = self.of(Fragment, delivered)
        self.assertEqual([f.start for f in fragments], [0, 288_000])
        self.assertAlmostEqual(sum(f.samples for f in fragments) / 48_000, SECONDS, delta=0.1)
        self.assertAlmostEqual(self.hertz(fragments[0]), 440, delta=3)

    def test_a_frame_rate_that_nobody_told_is_not_made_up(self):
        (info,) = self.of(StreamInfo, self.read(self.stream(audio="pcm_alaw")))
        self.assertIn(round(info.frame_rate), (0, 15))

    def test_no_audio_is_refused_with_the_reason(self):
        api = MediaApi(["H264"])
        self.addCleanup(api.close)
        error = self.refusal(self.read(self.stream(audio=None), api.url))
        self.assertEqual(error.reason, "no_audio")
        self.assertIn("no audio track", str(error))


class Obs(SourceTest):
    def test_the_first_of_two_voices_is_dubbed(self):
        delivered = self.read(self.stream(second_voice=True))
        self.assertIsNone(delivered[-1])
        fragments = self.of(Fragment, delivered)
        self.assertEqual([f.start for f in fragments], [0, 288_000])
        self.assertAlmostEqual(sum(f.samples for f in fragments) / 48_000, SECONDS, delta=0.1)
        for fragment in fragments:
            self.assertAlmostEqual(self.hertz(fragment) * 48_000 / min(48_000, fragment.samples - 4_800), 440, delta=12)
        self.assertEqual(len(self.of(VideoPacket, delivered)), SECONDS * 15)

    def test_a_track_that_comes_after_the_stream_was_opened_is_passed_over(self):
        """PyAV 10 reads past its list of tracks then, and may throw IndexError at the end, after all was read."""

        class Late:
            """As PyAV behaves when memory is not zero where it reads too far."""

            def __init__(self, container):
                self.streams, self._container = container.streams, container

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self._container.close()

            def demux(self, streams):
                yield from self._container.demux(streams)
                raise IndexError("list index out of range")

        path = self.stream(second_voice=True, voice_begins_ms=5_000)
        with unittest.mock.patch("worker.source.av.open", lambda *a, real=av.open, **k: Late(real(*a, **k))):
            delivered = self.read(path)
        self.assertIsNone(delivered[-1], f"the source ended with {delivered[-1]!r}")
        self.assertAlmostEqual(sum(f.samples for f in self.of(Fragment, delivered)) / 48_000, SECONDS, delta=0.1)
        self.assertEqual(len(self.of(VideoPacket, delivered)), SECONDS * 15)

    def test_tracks_that_cannot_be_read_are_refused_by_kind(self):
        """Enhanced headers, sent to a reader that is too old for them: FLV's codec numbers make no sense of them."""
        plain = list(tags_of(self.stream()))
        for kind, head, reason in ((flv.VIDEO, b"\x91hvc1", "video_codec"), (flv.AUDIO, b"\x91Opus", "audio_codec")):
            with self.subTest(reason):
                path = os.path.join(self.folder, reason + ".flv")
                changed = [(k, t, head + body[2:] if k == kind else body) for k, t, body in plain if k != flv.DATA]
                write(path, changed)
                self.assertEqual(self.refusal(self.read(path)).reason, reason)


class KeptBack(SourceTest):
    """A media server gives an RTMP reader only the codecs that the reader named or that RTMP always had."""

    def test_video_that_the_server_keeps_back_is_refused_not_left_out(self):
        for codec in ("H265", "AV1", "VP9", "VP8", "M-JPEG"):
            with self.subTest(codec):
                api = MediaApi([codec, "MPEG-4 Audio"])
                self.addCleanup(api.close)
                error = self.refusal(self.read(self.stream(video=None), api.url))
                self.assertEqual(error.reason, "video_codec")
                self.assertIn(codec, str(error))

    def test_audio_that_the_server_keeps_back_is_named(self):
        for codec in ("Opus", "G711", "G722"):
            with self.subTest(codec):
                api = MediaApi(["H264", codec])
                self.addCleanup(api.close)
                error = self.refusal(self.read(self.stream(audio=None), api.url))
                self.assertEqual(error.reason, "audio_codec")
                self.assertIn(codec, str(error))

    def test_a_stream_of_which_nothing_is_handed_out_is_refused(self):
        """MediaMTX closes the reader's connection: to it, the stream cannot be opened."""
        api = MediaApi(["H265", "Opus"])
        self.addCleanup(api.close)
        error = self.refusal(self.read("rtmp://127.0.0.1:9/live/x/in", api.url))
        self.assertEqual(error.reason, "video_codec")
        self.assertIn("H265", str(error))
        self.assertEqual(api.asked, ["/v3/paths/get/live/x/in"])

    def test_a_reader_that_is_closed_before_the_first_packet_names_the_tracks(self):
        """As MediaMTX 1.15.6 does where it cannot hand on GStreamer's LATM."""
        api = MediaApi(["MPEG-4 Audio LATM", "H264"])
        self.addCleanup(api.close)
        path = os.path.join(self.folder, "headers.flv")
        write(path, [tag for tag in tags_of(self.stream()) if tag[0] == flv.DATA or tag[2][1] == 0])
        error = self.refusal(self.read(path, api.url))
        self.assertEqual(error.reason, "input")
        self.assertIn("ended before its first packet, though", str(error))
        self.assertIn("MPEG-4 Audio LATM", str(error))

    def test_a_stream_without_video_is_dubbed_and_the_server_is_believed(self):
        api = MediaApi(["MPEG-4 Audio"])
        self.addCleanup(api.close)
        delivered = self.read(self.stream(video=None), api.url)
        self.assertIsNone(delivered[-1])
        self.assertEqual(len(self.of(Fragment, delivered)), 2)

    def test_a_server_that_does_not_answer_changes_nothing(self):
        self.assertIsNone(self.read(self.stream(video=None))[-1])
        self.assertEqual(self.refusal(self.read(self.stream(audio=None))).reason, "no_audio")
        self.assertEqual(self.refusal(self.read("rtmp://127.0.0.1:9/live/x/in")).reason, "input")


if __name__ == "__main__":
    unittest.main()
