"""With GStreamer: what the worker makes of sound in containers."""

import array
import math
import tempfile
import unittest

from dubber.gst import Gst, GStreamerError, buffer
from dubber.sound import RATE, WIDTH, decode


def encoded(muxer: str, seconds: float = 1.0) -> bytes:
    """A tone of 1 kHz that begins at 0.5 s, as AAC in a container."""
    samples = array.array("h")
    for n in range(int(seconds * RATE)):
        value = int(12_000 * math.sin(2 * math.pi * 1000 * n / RATE)) if n >= RATE // 2 else 0
        samples.extend((value, value))
    with tempfile.NamedTemporaryFile() as file:
        pipeline = Gst.parse_launch(
            f"appsrc name=in format=time max-bytes=0 ! audioconvert ! avenc_aac ! {muxer} ! filesink location={file.name}")
        source = pipeline.get_by_name("in")
        source.set_property(
            "caps", Gst.Caps.from_string("audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=2"))
        pipeline.set_state(Gst.State.PLAYING)
        source.emit("push-buffer", buffer(samples.tobytes(), 0, seconds))
        source.emit("end-of-stream")
        message = pipeline.get_bus().timed_pop_filtered(10 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        pipeline.set_state(Gst.State.NULL)
        if message is None or message.type != Gst.MessageType.EOS:
            raise AssertionError(f"{muxer}: {message and message.parse_error()}")
        file.seek(0)
        return file.read()


def onset(pcm: bytes) -> float:
    left = array.array("h", pcm)[::2]
    return next(n for n, value in enumerate(left) if abs(value) > 3000) / RATE


class SoundTests(unittest.IsolatedAsyncioTestCase):
    async def test_adts_and_mp4_are_known_by_their_content(self):
        for muxer in ("aacparse ! audio/mpeg,stream-format=adts", "aacparse ! mp4mux"):
            with self.subTest(muxer):
                pcm = await decode(encoded(muxer))
                self.assertEqual(len(pcm) % WIDTH, 0)
                self.assertAlmostEqual(len(pcm) / WIDTH / RATE, 1.0, delta=0.07)
                self.assertAlmostEqual(onset(pcm), 0.5, delta=0.025)

    async def test_what_is_no_sound_is_an_error(self):
        for data in (b"not a sound at all" * 50, b"\0" * 1000):
            with self.assertRaises(GStreamerError):
                await decode(data)
