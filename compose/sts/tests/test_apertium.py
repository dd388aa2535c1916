"""apertium as it is in the image, on what a recogniser writes."""
import shutil
import unittest

from sts import providers, settings
from sts.providers import ProviderError
from sts.words import sentence


@unittest.skipUnless(shutil.which("lrx-proc"), "apertium is missing: run this in the image, which has it")
class ApertiumTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.apertium = providers.create("mt", "apertium", settings.load({}))
        cls.apertium.start()
        cls.addClassCleanup(cls.apertium.stop)

    def translated(self, words):
        return self.apertium.translate(sentence(words.split()), 20)

    def test_the_first_person_is_kept(self):
        for words, wanted in (("i have a dog", "Tengo un perro"), ("i want to eat", "Quiero comer")):
            with self.subTest(words=words):
                self.assertEqual(self.translated(words), wanted)
        for words in ("i'm tired", "i've seen the house", "now i think that i know"):
            with self.subTest(words=words):
                self.assertNotRegex(self.translated(words), r"\bi\b|\bi'")

    def test_names_that_the_dictionary_has_only_with_a_capital_get_one(self):
        self.assertEqual(self.apertium.with_names("john lives in london and new york", 20), "John lives in London and New York")

    def test_words_stay_as_they_are(self):
        for text in ("the children played in the garden", "may he go in march", "twenty-one, twenty-two", "xyzzyx is no word"):
            with self.subTest(text=text):
                self.assertEqual(self.apertium.with_names(text, 20), text)

    def test_after_its_dictionary_died_the_chain_is_told_to_start_it_again(self):
        other = providers.create("mt", "apertium", settings.load({}))
        other.start()
        self.addCleanup(other.stop)
        other.dictionary.processes[0].kill()
        other.dictionary.processes[0].wait()
        with self.assertRaises(ProviderError) as caught:
            other.translate("zzyzx road", 20)
        self.assertTrue(caught.exception.died)


if __name__ == "__main__":
    unittest.main()
