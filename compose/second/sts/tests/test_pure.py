import unittest

from speaker.faults import Faults
from speaker.words import text_for


class FaultsTests(unittest.TestCase):
    def test_each_kind_hits_what_it_names(self):
        self.assertTrue(Faults.parse("silent").hits("silent", 9))
        self.assertEqual([Faults.parse("drop:2").hits("drop", n) for n in (1, 2, 3)], [False, True, False])
        self.assertEqual([Faults.parse("fail:2@3").hits("fail", n) for n in (2, 3, 4, 5)], [False, True, True, False])
        self.assertEqual([Faults.parse("fail:1").hits("fail", n) for n in (0, 1)], [True, False])
        self.assertEqual(Faults.parse("slow:500").delay_ms, 500)

    def test_a_swap_holds_the_first_back_until_the_second(self):
        self.assertEqual([Faults.parse("swap:4,2").holds_back(n) for n in (1, 2, 3, 4)], [None, 4, None, None])

    def test_several_at_once(self):
        faults = Faults.parse("drop:1 + partial:2")
        self.assertTrue(faults.hits("drop", 1) and faults.hits("partial", 2))
        self.assertFalse(Faults.parse("none").hits("drop", 0))

    def test_what_is_none_is_refused(self):
        for text in ("drop:1+drop:2", "loud", "drop", "drop:x", "swap:1", "swap:1,1", "fail:-1", "slow", "silent:3"):
            with self.subTest(text), self.assertRaises(ValueError):
                Faults.parse(text)


class WordsTests(unittest.TestCase):
    def test_the_same_bytes_say_the_same_and_others_do_not(self):
        self.assertEqual(text_for(0, b"a", 8), text_for(0, b"a", 8))
        self.assertEqual(len({text_for(0, bytes([n]), 8) for n in range(100)}), 100)
        self.assertNotEqual(text_for(0, b"a", 8), text_for(1, b"a", 8))
