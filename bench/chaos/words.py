"""What a person asks, and the words of its answer. Each ask has a number, and no two answers share a word, so whoever
hears one knows what it answers. Pure.
"""

import enum
import re

import msgspec

ANSWER_WORDS = 7

_ASK = re.compile(r"find a(\d+)(?: (hang|flood|poison))?")
_ANSWER_WORD = re.compile(r"a(\d+)-\d+")
_QUOTED = re.compile(r"\ba(\d+)\b(?!-)")


class Want(enum.Enum):
    """What the work on an ask comes to."""

    PLAIN = "plain"
    HANG = "hang"
    """A tool never returns."""
    FLOOD = "flood"
    """A tool yields ten thousand results."""
    POISON = "poison"
    """Whoever works on it dies."""


class Ask(msgspec.Struct, frozen=True):
    number: int
    want: Want = Want.PLAIN

    @property
    def line(self) -> str:
        """As the person types it."""
        return f"find a{self.number}" if self.want is Want.PLAIN else f"find a{self.number} {self.want.value}"

    @property
    def words(self) -> list[str]:
        """Those of its answer."""
        return [f"a{self.number}-{index}" for index in range(1, ANSWER_WORDS + 1)]

    def part(self, first: int, last: int) -> str:
        """The words `first` to `last` of its answer, counted from 1."""
        return " ".join(self.words[first - 1 : last])


def asks_in(text: str) -> list[Ask]:
    """The asks in a text, in order."""
    return [Ask(int(number), Want(want or "plain")) for number, want in _ASK.findall(text)]


def answered_by(word: str) -> int | None:
    """The number of the ask that a heard word answers."""
    found = _ANSWER_WORD.search(word)
    return int(found[1]) if found else None


def quoted_by(word: str) -> int | None:
    """The number of the ask that a heard word names. Only what tells of a failure repeats the request."""
    found = _QUOTED.search(word)
    return int(found[1]) if found else None
