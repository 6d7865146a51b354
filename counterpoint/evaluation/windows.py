"""TimeSpeak and CueSpeak: right meaning and right moment, macro-averaged over categories.

The rule is the one published for these tasks (an answer counts only if content and timing are both right); the items
and the windows are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Utterance:
    """Something said: onset in seconds and its words in lower case."""

    onset: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class Expected:
    """What is expected once: an utterance that begins in [begin, end] seconds and has all keywords."""

    category: str
    begin: float
    end: float
    keywords: frozenset[str]


def timespeak_window(due: float, wait: float) -> tuple[float, float]:
    """Seconds around the due time in which a timed answer counts: the larger of .6 s and 5 % of the wait, on both
    sides.
    """
    slack = max(0.6, 0.05 * wait)
    return due - slack, due + slack


def cuespeak_window(cue_end: float) -> tuple[float, float]:
    """Seconds around the end of the cue in which an answer counts."""
    return cue_end - 0.2, cue_end + 1.0


def correct(item: Expected, said: Iterable[Utterance]) -> bool:
    """Whether some utterance has its onset in the window and contains every keyword."""
    return any(item.begin <= one.onset <= item.end and item.keywords <= set(one.words) for one in said)


def false_speaks(items: Sequence[Expected], said: Iterable[Utterance]) -> int:
    """Utterances that begin outside every window."""
    return sum(not any(item.begin <= one.onset <= item.end for item in items) for one in said)


def score(items: Sequence[Expected], said: Sequence[Utterance], *, strict: bool) -> list[tuple[str, bool]]:
    """(category, right) for each item of one stream. Strict: an utterance outside all windows makes every item of the
    stream wrong.
    """
    spoiled = strict and false_speaks(items, said) > 0
    return [(item.category, not spoiled and correct(item, said)) for item in items]


def macro(scored: Iterable[tuple[str, bool]]) -> float | None:
    """The mean over categories of the share that is right; None without items."""
    groups: dict[str, list[bool]] = {}
    for category, right in scored:
        groups.setdefault(category, []).append(right)
    return sum(sum(group) / len(group) for group in groups.values()) / len(groups) if groups else None
