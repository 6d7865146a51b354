"""Text as the native model reads and says it: lower-case words, numbers spelled out, each with its place."""

import re
from typing import Final

import msgspec

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.shared_context.chunks import TextChunk

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?|\d+")
_UNITS: Final = v.NUMBERS
_TENS: Final = ("", "ten", "twenty", *v.TENS[:-1])


class Spelled(msgspec.Struct, frozen=True):
    """A word and the characters of the text that it stands for; a number's later words stand for none."""

    word: str
    start: int
    end: int


def spell(text: str) -> tuple[Spelled, ...]:
    """The words of a text. Punctuation is dropped; what the vocabulary lacks stays as it is."""
    found: list[Spelled] = []
    for match in _WORD.finditer(text):
        first, *rest = _number(match.group()) if match.group().isdecimal() else (match.group().lower(),)
        found.append(Spelled(first, *match.span()))
        found += (Spelled(word, match.end(), match.end()) for word in rest)
    return tuple(found)


def _number(digits: str) -> tuple[str, ...]:
    """One or two words up to 99; larger numbers digit by digit, as a telephone number is read."""
    value = int(digits)
    if digits == "100":
        return ("hundred",)
    if len(digits) > 2:
        return tuple(_UNITS[int(digit)] for digit in digits)
    if value < len(_UNITS):
        return (_UNITS[value],)
    tens, unit = divmod(value, 10)
    return (_TENS[tens], _UNITS[unit]) if unit else (_TENS[tens],)


class Typing:
    """Words out of keystrokes: a word is whole once something follows it, or the input is done."""

    def __init__(self) -> None:
        self._open = ""

    def words(self, chunks: tuple[TextChunk, ...]) -> tuple[str, ...]:
        """The words that these chunks made whole."""
        for chunk in chunks:
            self._open += chunk.text + (" " if chunk.done or not chunk.typed else "")
        whole, self._open = _split(self._open)
        return tuple(each.word for each in spell(whole))


def _split(text: str) -> tuple[str, str]:
    end = max((text.rfind(space) for space in " \n\t"), default=-1) + 1
    return text[:end], text[end:]
