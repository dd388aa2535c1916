import unittest

from worker.segmenter import Segmenter
from worker.settings import BYTES_PER_SAMPLE

SEGMENT, SHORTEST = 6 * 48_000, 12_000


def pcm(samples, value=1):
    return bytes([value]) * (samples * BYTES_PER_SAMPLE)


def spans(fragments):
    return [(f.sequence, f.start, f.samples) for f in fragments]


class Cutting(unittest.TestCase):
    def test_fragments_lie_on_the_grid_whatever_the_block_size(self):
        for block in (1, 1024, 100_000, 700_000):
            if block == 1:
                segmenter, total, segment = Segmenter(10, 0, 2), 35, 10
            else:
                segmenter, total, segment = Segmenter(SEGMENT, 0, SHORTEST), 5 * SEGMENT, SEGMENT
            found, left = [], total
            while left:
                found += segmenter.feed(pcm(min(block, left)))
                left -= min(block, left)
            expected = [(k, k * segment, segment) for k in range(total // segment)]
            self.assertEqual(spans(found), expected)

    def test_no_byte_is_lost_or_moved(self):
        segmenter = Segmenter(100, 30, 10)
        data = bytes(i % 251 for i in range(1234 * BYTES_PER_SAMPLE))
        found = segmenter.feed(data[:999]) + segmenter.feed(data[999:])
        found.append(segmenter.finish())
        self.assertEqual(b"".join(f.pcm for f in found), data)

    def test_a_stream_that_begins_at_a_later_whole_second_has_its_grid_there(self):
        found = Segmenter(SEGMENT, 4 * 48_000, SHORTEST, grid=4 * 48_000).feed(pcm(12 * 48_000))
        self.assertEqual(spans(found), [(0, 4 * 48_000, SEGMENT), (1, 10 * 48_000, SEGMENT)])

    def test_a_late_joiner_gets_the_rest_of_the_cell_first(self):
        found = Segmenter(SEGMENT, 20 * 48_000, SHORTEST).feed(pcm(10 * 48_000))
        self.assertEqual(spans(found), [(0, 20 * 48_000, 4 * 48_000), (1, 24 * 48_000, SEGMENT)])

    def test_the_rest_is_flushed_at_the_end(self):
        segmenter = Segmenter(SEGMENT, 0, SHORTEST)
        segmenter.feed(pcm(SEGMENT + 48_000))
        last = segmenter.finish()
        self.assertEqual((last.sequence, last.start, last.samples, last.is_last, last.wants_dubbing), (1, SEGMENT, 48_000, True, True))
        self.assertIsNone(segmenter.finish())

    def test_a_tail_of_milliseconds_is_kept_but_not_sent(self):
        segmenter = Segmenter(SEGMENT, 0, SHORTEST)
        segmenter.feed(pcm(SEGMENT + 768))
        last = segmenter.finish()
        self.assertEqual(last.samples, 768)
        self.assertFalse(last.wants_dubbing)


if __name__ == "__main__":
    unittest.main()
