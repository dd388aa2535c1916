import unittest

from dubber.breaker import Breaker, State


class BreakerTests(unittest.TestCase):
    def test_opens_after_so_many_failures_in_a_row(self):
        breaker = Breaker(2, 8)
        breaker.failed(0, False)
        breaker.succeeded(False)
        breaker.failed(1, False)
        self.assertTrue(breaker.admits(1))
        breaker.failed(2, False)
        self.assertEqual(breaker.state, State.OPEN)
        self.assertFalse(breaker.admits(3))

    def test_lets_one_through_after_the_pause_and_closes_when_it_succeeds(self):
        breaker = Breaker(1, 8)
        breaker.failed(0, False)
        self.assertFalse(breaker.admits(7.9))
        self.assertTrue(breaker.admits(8))
        self.assertEqual(breaker.state, State.PROBING)
        self.assertFalse(breaker.admits(9), "there is one probe")
        breaker.succeeded(True)
        self.assertEqual(breaker.state, State.CLOSED)
        self.assertTrue(breaker.admits(9))

    def test_a_probe_that_fails_begins_the_pause_anew(self):
        breaker = Breaker(1, 8)
        breaker.failed(0, False)
        self.assertTrue(breaker.admits(8))
        breaker.failed(9, True)
        self.assertFalse(breaker.admits(16.9))
        self.assertTrue(breaker.admits(17))

    def test_an_answer_to_something_sent_before_it_opened_closes_nothing(self):
        breaker = Breaker(1, 8)
        breaker.failed(0, False)
        breaker.succeeded(False)
        self.assertEqual(breaker.state, State.OPEN)
