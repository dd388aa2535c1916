"""Between recognition and translation: which words are speech, and how spoken numbers are written."""
import re

UNITS = "one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
NUMBERS = set(UNITS + TEENS + TENS + ["zero", "hundred"])


def clean(hypothesis):
    """The plain words of a recogniser's hypothesis: no fillers such as <sil> or [NOISE], no `the(2)`."""
    words = (word.split("(")[0] for word in hypothesis.lower().split())
    return [word for word in words if word and word[0] not in "<[+"]


def spoken(text):
    """The plain words of written text: no punctuation, no capitals, `twenty-one` as the two words that are said."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def sentence(words):
    """Text that translates well: `twenty-one` is in the dictionary, `twenty one` is two numbers; commas keep numbers apart."""
    grouped = []
    for word in words:
        if grouped and word in UNITS and grouped[-1] in TENS:
            grouped[-1] += "-" + word
        else:
            grouped.append(word)
    return (", " if all(word in NUMBERS for word in words) else " ").join(grouped)
