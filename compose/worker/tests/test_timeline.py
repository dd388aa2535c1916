import unittest

from worker.timeline import AudioTimeline, Origin, OutputClock, Placement, TimestampJump, origin


class WhereAStreamBegins(unittest.TestCase):
    def test_a_stream_joined_at_its_beginning_has_its_grid_at_zero(self):
        self.assertEqual(origin(0.0), Origin(0.0, 0.0))
        self.assertEqual(origin(0.2), Origin(0.0, 0.0))

    def test_a_stream_joined_half_way_starts_where_it_was_joined(self):
        self.assertEqual(origin(20.032), Origin(20.032, 0.0))
        self.assertEqual(origin(19.7), Origin(19.7, 0.0))

    def test_a_publisher_that_waits_whole_seconds_before_it_sends_has_its_grid_there(self):
        for first in (4.0, 3.933, 3.84, 4.014):
            self.assertEqual(origin(first), Origin(4.0, 4.0), first)


class Timeline(unittest.TestCase):
    def test_millisecond_rounding_is_no_gap(self):
        timeline = AudioTimeline(48_000, 0)
        for packet in range(10_000):
            rounded = round(packet * 1024 / 48) / 1000
            self.assertEqual(timeline.place(rounded, 1024), Placement(0, 0))
        self.assertEqual(timeline.position, 10_240_000)

    def test_a_gap_becomes_silence_of_exactly_its_length(self):
        timeline = AudioTimeline(48_000, 0)
        timeline.place(0, 1024)
        self.assertEqual(timeline.place(1.0, 1024), Placement(48_000 - 1024, 0))
        self.assertEqual(timeline.position, 48_000 + 1024)

    def test_audio_that_begins_late_is_silence_until_then(self):
        self.assertEqual(AudioTimeline(44_100, 0).place(2.0, 1024), Placement(88_200, 0))

    def test_an_overlap_is_dropped(self):
        timeline = AudioTimeline(48_000, 48_000)
        self.assertEqual(timeline.place(0.96, 4800), Placement(0, 1920))
        self.assertEqual(timeline.place(0.5, 1024), Placement(0, 1024))
        self.assertEqual(timeline.position, 48_000 + 4800 - 1920)

    def test_a_jump_is_not_filled(self):
        timeline = AudioTimeline(48_000, 0)
        for stamp in (3600.0, -3600.0):
            with self.assertRaises(TimestampJump):
                timeline.place(stamp, 1024)


class Clock(unittest.TestCase):
    def test_the_earliest_arrival_is_the_origin(self):
        clock = OutputClock(6, 0.25)
        clock.observe(0.0, 100.3)  # the burst for a late reader
        clock.observe(0.5, 100.5)
        clock.fix(0.0, 6.0, 107.0, False)
        self.assertAlmostEqual(clock.latency_s, 7.25)
        self.assertAlmostEqual(clock.due(0.0), 107.25)
        self.assertAlmostEqual(clock.due(6.0), 113.25)

    def test_a_partial_first_fragment_gets_the_latency_of_a_full_one(self):
        clock = OutputClock(6, 0.0)
        clock.observe(20.0, 100.0)
        clock.fix(20.0, 24.0, 105.0, False)
        self.assertAlmostEqual(clock.latency_s, 7.0)

    def test_a_stream_of_one_fragment_goes_out_at_once(self):
        clock = OutputClock(6, 0.25)
        clock.observe(0.0, 100.0)
        clock.fix(0.0, 2.0, 103.0, True)
        self.assertAlmostEqual(clock.due(0.0), 103.0)

    def test_it_is_fixed_once(self):
        clock = OutputClock(6, 0.0)
        clock.observe(0.0, 100.0)
        clock.fix(0.0, 6.0, 107.0, False)
        clock.fix(6.0, 12.0, 150.0, False)
        clock.observe(9.0, 100.0)
        self.assertAlmostEqual(clock.due(0.0), 107.0)

    def test_it_has_no_answer_before(self):
        with self.assertRaises(RuntimeError):
            OutputClock(6, 0.0).due(0.0)


if __name__ == "__main__":
    unittest.main()
