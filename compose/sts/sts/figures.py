"""Figures written out as they are said: who writes `21` has heard `twenty one`.

A model that must not write figures loses words instead, so that it may, and they are spelled afterwards. English and
Spanish; in other languages figures stay.
"""
import re

UNITS = "one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
            "twelve": "twelfth"}
UNIDADES = ("cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
            "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
            "veintiocho veintinueve").split()
DECENAS = "treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()
CENTENAS = ("ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos "
            "novecientos").split()
SIGNS = {"en": {"%": "percent", "$": "dollars", "€": "euros", "£": "pounds", "&": "and", "+": "plus", ".": "point"},
         "es": {"%": "por ciento", "$": "dólares", "€": "euros", "£": "libras", "&": "y", "+": "más", ".": "coma"}}
# Three digits after each sign that groups thousands; otherwise `1,2,3` is three numbers.
NUMBER = {"en": re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+\.\d+|\d+"),
          "es": re.compile(r"\d{1,3}(?:\.\d{3})+(?!\d)(?:,\d+)?|(?<![\d,])\d+,\d+(?![\d,])|\d+")}
CURRENCY = re.compile(r"([$€£])\s*(\d[\d.,]*\d|\d)")
ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)\b", re.IGNORECASE)


def spelled(text, language, in_pairs=False):
    """The same text with words instead of figures and the signs that go with them.

    `in_pairs`: figures as the numbers of a list, which who writes them down may run together: `10.1112` is ten, eleven, twelve.
    """
    if language not in SIGNS:
        return text
    if in_pairs:
        text = re.sub(r"\d+", lambda found: f" {_pairs(found[0])} ", re.sub(r"(?<=\d)[.,](?=\d)", " ", text))
    text = CURRENCY.sub(r"\2 \1", text)                 # `$5` is said `five dollars`
    if language == "en":
        text = ORDINAL.sub(lambda found: f" {_ordinal(int(found[1]))} ", text)
    text = NUMBER[language].sub(lambda found: f" {_number(found[0], language)} ", text)
    for sign, word in SIGNS[language].items():
        if sign != ".":
            text = text.replace(sign, f" {word} ")
    return text


def _pairs(figures):
    """Two figures each, from the right: `112` is 1 and 12."""
    return re.sub(r"(?<=\d)(?=(?:\d\d)+$)", " ", figures)


def _number(figures, language):
    group, point = (",", ".") if language == "en" else (".", ",")
    say = _english if language == "en" else _spanish
    if group not in figures and point not in figures:
        if len(figures) > 1 and figures[0] == "0" or len(figures) > 9:
            return " ".join(say(int(figure)) for figure in figures)     # a code, digit by digit
        if language == "en" and len(figures) == 4 and _is_year(int(figures)):
            return _year(int(figures))
    whole, _, part = figures.replace(group, "").partition(point)
    said = say(int(whole)) if len(whole) <= 9 else " ".join(say(int(figure)) for figure in whole)
    return " ".join([said, SIGNS[language]["."], *(say(int(figure)) for figure in part)]) if part else said


def _is_year(number):
    return 1100 <= number <= 1999 and number % 1000 or 2010 <= number <= 2099


def _year(number):
    first, second = divmod(number, 100)
    return f"{_english(first)} {'hundred' if not second else ('oh ' if second < 10 else '') + _english(second)}"


def _english(number):
    if number == 0:
        return "zero"
    for size, name in ((10 ** 6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            return f"{_english(number // size)} {name}" + (f" {_english(rest)}" if rest else "")
    if number < 20:
        return (UNITS + TEENS)[number - 1]
    return TENS[number // 10 - 2] + (f" {UNITS[number % 10 - 1]}" if number % 10 else "")


def _ordinal(number):
    *before, last = _english(number).split()
    return " ".join([*before, ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")])


def _spanish(number):
    if number >= 10 ** 6:
        millions, rest = divmod(number, 10 ** 6)
        said = "un millón" if millions == 1 else f"{_before_noun(millions)} millones"
    elif number >= 1000:
        thousands, rest = divmod(number, 1000)
        said = "mil" if thousands == 1 else f"{_before_noun(thousands)} mil"
    elif number >= 100:
        hundreds, rest = divmod(number, 100)
        said = "cien" if number == 100 else CENTENAS[hundreds - 1]
    elif number < 30:
        return UNIDADES[number]
    else:
        tens, unit = divmod(number, 10)
        return DECENAS[tens - 3] + (f" y {UNIDADES[unit]}" if unit else "")
    return said + (f" {_spanish(rest)}" if rest else "")


def _before_noun(number):
    """`veintiún mil`: one loses its ending before what is counted."""
    said = _spanish(number)
    return said[:-3] + "ún" if said.endswith("veintiuno") else said[:-1] if said.endswith("uno") else said
