import unittest

from worker.ledger import FragmentLedger, Outcome
from worker.segmenter import Fragment


def fragment(sequence, wants_dubbing=True, seconds=1):
    return Fragment(sequence, sequence * 48_000 * seconds, bytes(48_000 * 4 * seconds), False, wants_dubbing)


def ledger(count, timeout=30.0):
    result = FragmentLedger(timeout)
    for sequence in range(count):
        result.add(fragment(sequence), 100.0)
    return result


class Window(unittest.TestCase):
    def test_no_more_than_the_window_is_open(self):
        book = ledger(5)
        sent = []
        while (entry := book.next_to_send(3)) is not None:
            book.mark_sent(entry.fragment.sequence, 101.0)
            sent.append(entry.fragment.sequence)
        self.assertEqual(sent, [0, 1, 2])
        self.assertEqual(book.inflight, 3)
        book.resolve(1, Outcome.PROCESSED, b"x")
        self.assertEqual(book.next_to_send(3).fragment.sequence, 3)

    def test_a_closed_window_sends_nothing(self):
        self.assertIsNone(ledger(1).next_to_send(0))

    def test_after_a_reconnect_what_was_not_answered_is_sent_again_in_order(self):
        book = ledger(3)
        for sequence in range(3):
            book.mark_sent(sequence, 101.0)
        book.resolve(1, Outcome.PROCESSED, b"x")
        self.assertEqual(book.reopen(), [0, 2])
        self.assertEqual(book.inflight, 0)
        self.assertEqual(book.next_to_send(3).fragment.sequence, 0)


class Order(unittest.TestCase):
    def test_fragments_leave_in_order(self):
        book = ledger(3)
        book.resolve(2, Outcome.PROCESSED, b"c")
        book.resolve(1, Outcome.PROCESSED, b"b")
        self.assertEqual(book.release(), [])
        book.resolve(0, Outcome.PROCESSED, b"a")
        self.assertEqual([e.audio for e in book.release()], [b"a", b"b", b"c"])
        self.assertEqual(book.waiting, 0)

    def test_the_first_answer_counts(self):
        book = ledger(1)
        self.assertTrue(book.resolve(0, Outcome.PROCESSED, b"first"))
        self.assertFalse(book.resolve(0, Outcome.PROCESSED, b"second"))
        self.assertEqual(book.release()[0].audio, b"first")
        self.assertFalse(book.resolve(0, Outcome.PROCESSED, b"late"))
        self.assertFalse(book.resolve(77, Outcome.PROCESSED, b"unknown"))

    def test_a_tail_leaves_without_an_answer(self):
        book = FragmentLedger(30.0)
        book.add(fragment(0, wants_dubbing=False), 100.0)
        self.assertIsNone(book.next_to_send(3))
        self.assertEqual(book.release()[0].outcome, Outcome.PASSED)


class Deadlines(unittest.TestCase):
    def test_the_timeout_counts_from_sending(self):
        book = ledger(1)
        book.mark_sent(0, 110.0)
        self.assertEqual(book.next_deadline(), 140.0)
        self.assertEqual(book.expired(139.9), [])
        self.assertEqual(book.expired(140.0), [0])

    def test_without_sts_it_counts_from_the_queue(self):
        self.assertEqual(ledger(1).expired(130.0), [0])

    def test_sending_again_does_not_extend_it(self):
        book = ledger(1)
        book.mark_sent(0, 101.0)
        book.reopen()
        book.mark_sent(0, 120.0)
        self.assertEqual(book.next_deadline(), 131.0)

    def test_fallback_is_the_original(self):
        book = ledger(1)
        book.resolve(0, Outcome.FALLBACK)
        self.assertEqual(book.release()[0].audio, fragment(0).pcm)
        self.assertIsNone(book.next_deadline())

    def test_what_fills_the_memory_is_named(self):
        book = ledger(20)
        self.assertEqual(book.held_longer_than(18), [0, 1])
        book.resolve(0, Outcome.FALLBACK)
        self.assertEqual(book.held_longer_than(18), [1])


if __name__ == "__main__":
    unittest.main()
