"""Needs PyAV: runs in the worker's image, see the command in ../../README.md."""

import math
import struct
import unittest

import av

from worker.audio import AAC_FRAME, AacEncoder, AudioIntake, convert, fit


def sine(rate, channels, seconds, hertz=440):
    samples = (round(12_000 * math.sin(2 * math.pi * hertz * i / rate)) for i in range(round(rate * seconds)))
    return b"".join(struct.pack("<h", s) * channels for s in samples)


def left(pcm):
    return [s[0] for s in struct.iter_unpack("<hh", pcm)]


class Converting(unittest.TestCase):
    def test_length_phase_and_loudness_are_kept(self):
        out = left(convert(sine(16_000, 1, 1.5), 16_000, 1, 48_000, 2))
        self.assertAlmostEqual(len(out), 72_000, delta=3)
        expected = left(sine(48_000, 2, 1.5))
        # 440 Hz: one sample of shift at 48 kHz would make 690 of difference where the sine is steepest.
        worst = max(abs(a - b) for a, b in zip(out[4_000:60_000], expected[4_000:60_000]))
        self.assertLess(worst, 300)

    def test_fit(self):
        self.assertEqual(fit(b"\x01" * 8, 1), b"\x01" * 4)
        self.assertEqual(fit(b"\x01" * 4, 2), b"\x01" * 4 + bytes(4))


class Encoding(unittest.TestCase):
    def decode(self, encoder, packets):
        """Decoded samples, and the stream position of the first of them."""
        codec = av.CodecContext.create("aac", "r")
        codec.extradata = encoder.config
        out = []
        for _, payload in packets:
            for frame in codec.decode(av.Packet(payload)):
                raw = bytes(frame.planes[0])[: frame.samples * 4]
                out += [s[0] for s in struct.iter_unpack("<f", raw)]
        return packets[0][0], out

    def test_a_click_is_decoded_where_it_was_fed_whatever_the_blocks(self):
        click = 48_000 + 30_011
        pcm = bytearray(2 * 48_000 * 4)
        struct.pack_into("<hh", pcm, (click - 48_000) * 4, 30_000, 30_000)
        for block in (4 * 777, 4 * 1024, len(pcm)):
            encoder = AacEncoder(48_000)
            packets = [p for at in range(0, len(pcm), block) for p in encoder.feed(pcm[at : at + block])]
            packets += encoder.finish()
            self.assertEqual([p[0] for p in packets][:2], [48_000 - AAC_FRAME, 48_000])
            first, out = self.decode(encoder, packets)
            loudest = max(range(len(out)), key=lambda i: abs(out[i]))
            self.assertLessEqual(abs(first + loudest - click), 2)


class Intake(unittest.TestCase):
    def frame(self, samples, rate=48_000):
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=samples)
        frame.sample_rate = rate
        for plane in frame.planes:
            plane.update((struct.pack("<f", 0.5) * (plane.buffer_size // 4 + 1))[: plane.buffer_size])
        return frame

    def test_late_audio_and_gaps_are_silence_and_overlaps_are_dropped(self):
        intake = AudioIntake(0.0)
        out = intake.add(self.frame(4800), 0.5) + intake.add(self.frame(4800), 1.0) + intake.add(self.frame(4800), 1.05)
        out += intake.flush()
        loud = [abs(s) > 8_000 for s in left(out)]
        self.assertEqual(len(loud), 55_200)
        self.assertEqual([i for i in range(1, len(loud)) if loud[i] != loud[i - 1]], [24_000, 28_800, 48_000])
        self.assertEqual(intake.position, 55_200)

    def test_mono_is_as_loud_on_both_sides(self):
        frame = av.AudioFrame(format="s16", layout="mono", samples=4800)
        frame.sample_rate = 48_000
        frame.planes[0].update((b"\x10\x27" * frame.planes[0].buffer_size)[: frame.planes[0].buffer_size])
        intake = AudioIntake(0.0)
        out = intake.add(frame, 0.0) + intake.flush()
        self.assertEqual(out, b"\x10\x27" * 9600)

    def test_a_change_of_the_format_keeps_the_position(self):
        intake = AudioIntake(0.0)
        length = len(intake.add(self.frame(48_000), 0.0))
        length += len(intake.add(self.frame(44_100, rate=44_100), 1.0)) + len(intake.flush())
        self.assertAlmostEqual(length / 4, 96_000, delta=4)

    def test_silence_before_the_first_frame(self):
        intake = AudioIntake(0.0)
        self.assertEqual(intake.fill_until(2.0), bytes(2 * 48_000 * 4))
        self.assertEqual(len(left(intake.add(self.frame(4800), 1.95) + intake.flush())), 2400)


if __name__ == "__main__":
    unittest.main()
