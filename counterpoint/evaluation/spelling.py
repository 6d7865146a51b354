"""Words as they sound, so that what a recogniser writes can be compared with what was meant.

Lower case, without punctuation, digits as words, and one spelling for words that sound alike ("two", "to", "too").
"""

import re
from collections.abc import Iterable
from typing import Final

UNITS: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")

_ALIKE: Final = (
    "two to too", "four for fore", "one won", "eight ate", "flower flour", "sea see", "here hear", "know no",
    "buy by bye", "sun son", "red read", "blue blew", "write right", "week weak", "there their", "night knight",
    "road rode", "plane plain", "meat meet", "ok okay",
)  # fmt: skip
_SOUND: Final = {word: group.split()[0] for group in _ALIKE for word in group.split()}


def plain(text: str) -> list[str]:
    """The words of a text as they sound. "$12." is "twelve"; an apostrophe stays."""
    words: list[str] = []
    for piece in re.findall(r"[0-9]+|[^\W\d_]+(?:['’][^\W\d_]+)*", text.lower()):
        words += number_words(int(piece)) if piece.isdigit() and len(piece) <= 3 else [piece.replace("’", "'")]
    return [_SOUND.get(word, word) for word in words]


def same(words: Iterable[str]) -> tuple[str, ...]:
    """Expected words, each spelled in the same way."""
    return tuple(word for each in words for word in plain(each))


def alike(word: str) -> tuple[str, ...]:
    """Every spelling of a word's sound that is known here, its digits among them."""
    sound = _SOUND.get(word, word)
    spellings = [each for each, name in _SOUND.items() if name == sound] or [word]
    return tuple(dict.fromkeys([word, *spellings, *([str(_VALUE[sound])] if sound in _VALUE else [])]))


def number_words(number: int) -> list[str]:
    """0 to 999: 121 is "one hundred twenty one"."""
    if number >= 100:
        return [UNITS[number // 100], "hundred", *(number_words(number % 100) if number % 100 else [])]
    if number >= 20:
        return [TENS[number // 10 - 2], *([UNITS[number % 10]] if number % 10 else [])]
    return [UNITS[number]]


_VALUE: Final = {_SOUND.get(name, name): value for value, name in enumerate(UNITS)} | {
    name: 10 * (n + 2) for n, name in enumerate(TENS)
}


def numbers(words: Iterable[str]) -> list[int]:
    """The numbers among words as they sound, in their order: "twenty one two" is 21, 2."""
    found: list[int] = []
    state = ""  # what may still be joined: after a hundred anything smaller, after tens a unit
    for word in words:
        value = _VALUE.get(word)
        if word == "hundred" and found and state == "unit" and found[-1] < 10:
            found[-1] *= 100
            state = "hundred"
        elif word == "hundred":
            found.append(100)
            state = "hundred"
        elif value is None:
            state = state if word == "and" and state == "hundred" else ""
        elif (state == "hundred" and value) or (state == "tens" and 0 < value < 10):
            found[-1] += value
            state = "tens" if value >= 20 else ""
        else:
            found.append(value)
            state = "tens" if value >= 20 else "unit"
    return found
