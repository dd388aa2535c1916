"""Between recognition and translation: which words are speech, and how they are written so that they translate well."""
import re

from . import figures
from .figures import TEENS, TENS, UNITS

NUMBERS = set(UNITS + TEENS + TENS + ["zero", "hundred"])
WORD = r"[^\W_]+(?:['’][^\W_]+)*"
# What English writes with a capital wherever it stands and a list can hold: the pronoun, days and months, without those that
# are another word as well (march, may). Names are known to whoever has a dictionary of them: the translator, or a recogniser that
# writes capitals itself.
PRONOUN = re.compile(r"i(?:['’](?:m|ll|ve|d))?")
CALENDAR = set("monday tuesday wednesday thursday friday saturday sunday january february april june july august september "
               "october november december".split())


def clean(hypothesis):
    """The plain words of a recogniser's hypothesis: no fillers such as <sil> or [NOISE], no `the(2)`."""
    words = (word.split("(")[0] for word in hypothesis.lower().split())
    return [word for word in words if word and word[0] not in "<[+"]


def spoken(text, language="en", in_pairs=False):
    """The plain words of written text: no punctuation, no figures, `twenty-one` as the two words that are said.

    Capitals stay where they tell something: not at the beginning of a sentence.
    """
    words, begins = [], True
    for part in re.findall(rf"{WORD}|[.!?…]", figures.spelled(text, language, in_pairs)):
        if part[0] in ".!?…":
            begins = True
        else:
            words.append(part.lower() if begins else part)
            begins = False
    return words


def transcript(words):
    """As the contract has it: lower case, one space between words."""
    return " ".join(words).lower()


def sentence(words, language="en"):
    """Text that translates well: `twenty-one` is in the dictionary, `twenty one` is two numbers; commas keep numbers apart;
    without its capital `I` is no pronoun."""
    if language != "en":
        return " ".join(words)
    grouped = []
    for word in words:
        if grouped and word in UNITS and grouped[-1] in TENS:
            grouped[-1] += "-" + word
        elif PRONOUN.fullmatch(word) or word in CALENDAR:
            grouped.append(word[0].upper() + word[1:])
        else:
            grouped.append(word)
    return (", " if all(word in NUMBERS for word in words) else " ").join(grouped)
