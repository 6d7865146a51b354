"""Matching what was said with what should have been said, in beats of 200 ms.

*Fired*: any word in the window around the expected beat. *Exact*: the expected word there. Every emission serves one
expectation at most; the others are *false*, also a wrong word at the right time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Token = TypeVar("Token")

EARLY, LATE = 1, 2
"""The window in beats: one before the expected beat to two after it."""


@dataclass(frozen=True)
class Said(Generic[Token]):
    """A word and its beat."""

    beat: int
    token: Token


@dataclass(frozen=True)
class Matched:
    """For each expectation whether it was met exactly and whether anything was said there; `used`: the emissions that
    met one.
    """

    exact: tuple[bool, ...]
    fired: tuple[bool, ...]
    used: frozenset[int]
    false: int


def match(
    expected: Sequence[Said[Token]], said: Sequence[Said[Token]], early: int = EARLY, late: int = LATE
) -> Matched:
    """Matches in the order of time; an expectation takes the first unused right word in its window."""
    used: set[int] = set()
    exact: list[bool] = []
    fired: list[bool] = []
    for want in sorted(expected, key=lambda e: e.beat):
        window = [i for i, one in enumerate(said) if want.beat - early <= one.beat <= want.beat + late]
        fired.append(bool(window))
        right = [i for i in window if said[i].token == want.token and i not in used]
        exact.append(bool(right))
        used.update(right[:1])
    return Matched(tuple(exact), tuple(fired), frozenset(used), len(said) - len(used))


def recall(expected: Sequence[Said[Token]], said: Sequence[Said[Token]], tolerance: int = 1) -> tuple[bool, ...]:
    """For each expected word, in the order of time, whether it was understood within the tolerance in beats."""
    return match(expected, said, tolerance, tolerance).exact


def stopped_by(said: Sequence[Said[Token]], beat: int, until: int, grace: int = 2) -> bool:
    """Whether nothing is said from `grace` beats after `beat` up to (not including) beat `until`."""
    return not any(beat + grace < one.beat < until for one in said)


def in_order(wanted: Sequence[Token], said: Sequence[Said[Token]], begin: int, end: int) -> bool:
    """Whether exactly the wanted words, in order and nothing between them, are said in beats [begin, end)."""
    return [one.token for one in said if begin <= one.beat < end] == list(wanted)
