"""The count: what was asked against the words that the listener heard. Pure; it never sees the shared context."""

import enum
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from chaos.words import Ask, answered_by, quoted_by

STALE_SECONDS = 1.5
"""What is being said when the person changes their mind is not recalled; after this nothing of it may be said."""


class Verdict(enum.Enum):
    """`UNWANTED`: the person took the ask back; it does not count as asked."""

    HEARD = "heard"
    REPORTED = "reported"
    LOST = "lost"
    UNWANTED = "unwanted"


class Heard(msgspec.Struct, frozen=True):
    """A word, and when it was played (seconds of the machine's clock)."""

    at: float
    conversation: str
    word: str


class Asked(msgspec.Struct):
    """`kind`: of the fault that struck while it was worked on; `of`: the round, as cell, number and time.
    `unwanted`: when the person took it back.
    """

    ask: Ask
    conversation: str
    kind: str
    of: tuple[int, int, float]
    said: float
    unwanted: float | None = None


class Outcome(msgspec.Struct, frozen=True):
    """`doubled`: words, or reports, that were heard more than once; `stale`: heard after it was taken back.

    `partly`: the answer was neither heard to its end nor reported, but begun.
    """

    asked: Asked
    verdict: Verdict
    doubled: int
    stale: bool = False
    partly: bool = False


class Ears:
    """Collects words as they are heard, and knows at any time which asks are answered."""

    def __init__(self) -> None:
        self._words: dict[int, Counter[str]] = {}
        self._reports: Counter[int] = Counter()
        self._last: dict[int, float] = {}

    def hear(self, heard: Iterable[Heard]) -> None:
        for each in heard:
            if (number := answered_by(each.word)) is not None:
                self._words.setdefault(number, Counter())[each.word] += 1
                self._last[number] = each.at
            elif (number := quoted_by(each.word)) is not None:
                self._reports[number] += 1
                self._last[number] = each.at

    def answered(self, ask: Ask) -> bool:
        return self._whole(ask) or self._reports[ask.number] > 0

    def outcome(self, asked: Asked) -> Outcome:
        ask = asked.ask
        number = ask.number
        words = self._words.get(number, Counter[str]())
        doubled = sum(count - 1 for count in words.values()) + max(0, self._reports[number] - 1)
        if asked.unwanted is not None:
            stale = self._last.get(number, 0.0) > asked.unwanted + STALE_SECONDS
            return Outcome(asked, Verdict.UNWANTED, doubled, stale)
        if self._whole(ask):
            return Outcome(asked, Verdict.HEARD, doubled)
        if self._reports[number]:
            return Outcome(asked, Verdict.REPORTED, doubled)
        return Outcome(asked, Verdict.LOST, doubled, partly=bool(words))

    def _whole(self, ask: Ask) -> bool:
        words = self._words.get(ask.number)
        return words is not None and all(words[word] for word in ask.words)


def count(asked: Sequence[Asked], heard: Iterable[Heard]) -> list[Outcome]:
    """One outcome for each ask."""
    ears = Ears()
    ears.hear(heard)
    return [ears.outcome(each) for each in asked]
