"""The account of `counterpoint demo --watch`: which repetitions were counted and which things told, how soon, and what
was said instead or without need. Pure; what sounded counts, word by word.
"""

import statistics
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from counterpoint.cli.demo_account import Row
from counterpoint.cli.demo_film import Sight
from counterpoint.cli.demo_heard import Said
from counterpoint.cli.score import clock
from counterpoint.config import BEAT_SECONDS
from counterpoint.evaluation.items import Answer, Count, Item
from counterpoint.evaluation.spelling import number_words, numbers, same

EARLY_SECONDS: Final = 0.4
"""Who watches sees a repetition end before it has: so much sooner its number may come."""

LATEST_SECONDS: Final = 2.0
"""After the end of a repetition. Its number has to come before the next one's may."""

UNASKED_SECONDS: Final = 2.0
"""What is said so soon after something begins to be seen is taken to be said of it."""


class Due(msgspec.Struct, frozen=True):
    """`words` are due at `at`, for `what` is seen, and right from `begin` up to `end`. Without words nothing is to be
    said.
    """

    what: str
    at: float
    begin: float
    end: float
    words: tuple[str, ...] = ()
    counted: bool = False


class Watched:
    """`said`: single words, where their sound begins. `until`: how far the conversation went; what was due later is
    left out.
    """

    def __init__(self, item: Item, sights: Sequence[Sight], said: Sequence[Said], until: float) -> None:
        self._due = [each for each in sorted(_due(item, sights), key=lambda one: one.at) if each.at < until]
        self._said = sorted(said, key=lambda one: one.begin)
        self._rows: list[Row] = []
        self._right: dict[Due, float] = {}
        self._told = 0
        self._judge()

    def lines(self) -> list[str]:
        rows = sorted(self._rows, key=lambda row: row.at)
        return [
            *(f"  {clock(round(row.at / BEAT_SECONDS))}  {row.what}: {row.came}" for row in rows),
            *self._summary(),
        ]

    def _judge(self) -> None:
        rest = list(self._said)
        for due in self._due:
            if due.words:
                rest = self._answered(due, rest)
        for due in self._due:
            if not due.words:
                rest = self._let_be(due, rest)
        self._rows += (Row(each.begin, "without need", f'"{each.text}"') for each in rest)
        self._needless = len(rest)

    def _answered(self, due: Due, rest: list[Said]) -> list[Said]:
        """The words that are left."""
        near = [each for each in rest if due.begin <= each.begin < due.end]
        right = _found(due.words, near)
        if right:
            late = right[0].begin - due.at
            self._right[due] = late
            self._rows.append(Row(right[0].begin, due.what, f'"{" ".join(due.words)}", {_since(due, late)}', late))
            return [each for each in rest if each not in right]
        wrong = [each for each in near if not due.counted or numbers(same([each.text]))]
        said = f'"{_text(wrong)}" was said' if wrong else "nothing was said"
        self._rows.append(Row(due.at, due.what, f'"{" ".join(due.words)}" was due; {said}'))
        return [each for each in rest if each not in wrong]

    def _let_be(self, due: Due, rest: list[Said]) -> list[Said]:
        """Something that nobody asked for. The words that are left."""
        near = [each for each in rest if due.begin <= each.begin < due.end]
        self._told += bool(near)
        came = f'"{_text(near)}" was said' if near else "nothing was said"
        self._rows.append(Row(due.at, f"{due.what}, which nobody asked for", came))
        return [each for each in rest if each not in near]

    def _summary(self) -> Iterator[str]:
        for counted, what, since in (
            (True, "numbers", "the end of the repetition"),
            (False, "things asked for", "it appeared"),
        ):
            due = [each for each in self._due if each.words and each.counted is counted]
            late = [seconds for each, seconds in self._right.items() if each.counted is counted]
            if due:
                median = f", {_signed(statistics.median(late))} {since} (median)" if late else ""
                yield f"  {what}: {len(late)} of {len(due)} in time{median}"
        others = sum(not each.words for each in self._due)
        if others:
            yield f"  what nobody asked for: {self._told} of {others} told"
        if self._needless:
            yield f"  words without need: {self._needless}"


def _due(item: Item, sights: Sequence[Sight]) -> Iterator[Due]:
    """What is due, and the sights of which nothing is."""
    named = {each.begin: each.what for each in sights}
    begins = set[float]()
    for each in item.expect:
        if isinstance(each, Count):
            begins |= {begin for begin, _ in each.cycles}
            yield from _counted(sorted(each.cycles), named)
        elif isinstance(each, Answer):
            begins.add(each.related[0])
            words = tuple(fact[0] for fact in each.facts)
            yield Due(named.get(each.related[0], " ".join(words)), each.related[0], *each.reply, words)
    for each in sights:
        if each.begin not in begins:
            yield Due(each.what, each.begin, each.begin, max(each.begin + UNASKED_SECONDS, each.end + EARLY_SECONDS))


def _counted(cycles: Sequence[tuple[float, float]], named: dict[float, str]) -> Iterator[Due]:
    for number, (begin, end) in enumerate(cycles, 1):
        following = cycles[number][1] - EARLY_SECONDS if number < len(cycles) else end + LATEST_SECONDS
        latest = min(following, end + LATEST_SECONDS)
        what = f"{named.get(begin, 'repetition')} {number}"
        yield Due(what, end, end - EARLY_SECONDS, latest, tuple(number_words(number)), counted=True)


def _found(words: tuple[str, ...], near: Sequence[Said]) -> Sequence[Said]:
    """Where they were said, one after the other; empty if they were not."""
    wanted, said = same(words), [same([each.text]) for each in near]
    for first in range(len(near) - len(words) + 1):
        if sum(said[first : first + len(words)], ()) == wanted:
            return near[first : first + len(words)]
    return ()


def _since(due: Due, late: float) -> str:
    return f"{_signed(late)} {'its end' if due.counted else 'it appeared'}"


def _signed(late: float) -> str:
    return f"{late:.2f} s after" if late >= 0 else f"{-late:.2f} s before"


def _text(said: Sequence[Said]) -> str:
    return " ".join(each.text for each in said)
