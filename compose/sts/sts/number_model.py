"""Writes the language model and dictionary for spoken numbers:  python3 -m sts.number_model FOLDER

A bigram that knows no counting order, so that it cannot guess what comes next: after any number any other is equally
likely, only `twenty` and the like are followed by a unit more often.
"""
import math
import pathlib
import sys

from .words import NUMBERS, TEENS, TENS, UNITS

ACOUSTIC_ROOT = pathlib.Path("/usr/share/pocketsphinx/model/en-us")
END_OF_SPEECH = 0.05
UNIT_AFTER_TENS = 0.085                 # each of nine units: 77 %
WORDS = UNITS + TEENS + TENS


def _next(first, second):
    if first not in TENS:
        share = 1 / len(WORDS)
    elif second in UNITS:
        share = UNIT_AFTER_TENS
    else:
        share = (1 - UNIT_AFTER_TENS * len(UNITS)) / (len(WORDS) - len(UNITS))
    return (1 - END_OF_SPEECH) * share


def arpa():
    """The model in ARPA's format, log10 probabilities."""
    pairs = [(first, second, _next(first, second)) for first in ["<s>"] + WORDS for second in WORDS]
    pairs += [(first, "</s>", END_OF_SPEECH) for first in WORDS]
    pairs.sort(key=lambda pair: (["<s>"] + WORDS).index(pair[0]))
    lines = ["\\data\\", f"ngram 1={len(WORDS) + 2}", f"ngram 2={len(pairs)}", "", "\\1-grams:", "-99 <s> 0.0",
             f"{math.log10(END_OF_SPEECH):.4f} </s> 0.0"]
    lines += [f"{math.log10((1 - END_OF_SPEECH) / len(WORDS)):.4f} {word} 0.0" for word in WORDS]
    lines += ["", "\\2-grams:"] + [f"{math.log10(share):.4f} {first} {second}" for first, second, share in pairs]
    return "\n".join(lines + ["", "\\end\\", ""])


def dictionary(lines):
    """The number words' pronunciations out of the full dictionary."""
    return "".join(line for line in lines if line.split(" ")[0].split("(")[0] in NUMBERS)


def main(folder):
    target = pathlib.Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / "num.arpa").write_text(arpa())
    with open(ACOUSTIC_ROOT / "cmudict-en-us.dict") as source:
        (target / "num.dict").write_text(dictionary(source))


if __name__ == "__main__":
    main(sys.argv[1])
