import unittest

from dubber.cutter import FRAME, Cutter


def cut(cutter, count, start_s=0.0, rate=48_000, first=0):
    """Fragments out of so many frames, each of one byte."""
    frames = ((bytes([(first + n) % 256]), round(start_s + n * FRAME / rate, 3)) for n in range(count))
    return [f for f in (cutter.add(data, at, rate, 2) for data, at in frames) if f is not None]


class CutterTests(unittest.TestCase):
    def test_a_fragment_has_whole_frames_and_begins_where_the_worker_joined(self):
        found = cut(Cutter(282), 600, start_s=0.2)
        self.assertEqual([f.number for f in found], [0, 1])
        self.assertEqual([len(f.adts) for f in found], [282, 282])
        self.assertAlmostEqual(found[0].start_s, 0.2)
        self.assertAlmostEqual(found[0].length_s, 6.016)
        self.assertAlmostEqual(found[1].start_s, 6.216)

    def test_the_rest_is_dropped(self):
        self.assertEqual(cut(Cutter(282), 281), [])

    def test_whole_milliseconds_do_not_add_up(self):
        found = cut(Cutter(100), 10_000, start_s=1.0)
        self.assertAlmostEqual(found[-1].start_s, 1.0 + 99 * 100 * FRAME / 48_000, places=6)

    def test_a_gap_begins_a_new_run(self):
        cutter = Cutter(100)
        cut(cutter, 50)
        found = cut(cutter, 100, start_s=5.0)
        self.assertEqual([f.start_s for f in found], [5.0])
        self.assertEqual(found[0].number, 0)

    def test_another_rate_begins_a_new_run(self):
        cutter = Cutter(100)
        cut(cutter, 50)
        found = cut(cutter, 100, start_s=50 * FRAME / 48_000, rate=44_100)
        self.assertEqual([f.rate for f in found], [44_100])
