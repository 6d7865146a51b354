"""Proactive answers: the area under the curve of how good the answer was over the time in which it could be given.

The formula of ProactiveVideoQA (arXiv 2507.09313): scores are 0 (wrong), 1 (partly right), 2 (right), silence counts
0.5 of 2. The score of a reply is decided by key facts here, not by a language model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

OMEGAS: Final = (0.0, 0.5, 1.0)
"""How little time counts: at 1 not at all. The headline is at 0.5."""

_SILENCE: Final = 0.5


@dataclass(frozen=True)
class Reply:
    """An utterance, as words as they sound, and when it began (seconds)."""

    time: float
    words: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """`related`: when what answers it can be seen or heard. `reply`: when an answer counts. `facts`: what a whole
    answer says, each with the words that do for it, any one of them.
    """

    related: tuple[float, float]
    reply: tuple[float, float]
    facts: tuple[tuple[str, ...], ...]


def grade(words: Sequence[str], facts: Sequence[Sequence[str]]) -> int:
    """2 with all facts, 1 with some, 0 with none. A fact of several words is said if they follow each other."""
    met = sum(any(_within(each.split(), words) for each in fact) for fact in facts)
    return 2 if met == len(facts) else 1 if met else 0


def _within(wanted: Sequence[str], words: Sequence[str]) -> bool:
    size = len(wanted)
    return any(list(words[n : n + size]) == list(wanted) for n in range(len(words) - size + 1))


def graded(asked: Asked, replies: Sequence[Reply]) -> list[tuple[float, int]]:
    """When which score was reached: each distinct reply is judged together with those before it. A score that falls
    once the related time is over is left out, as long as there are several.
    """
    scores: dict[float, int] = {}
    distinct: list[tuple[str, ...]] = []
    for reply in sorted(replies, key=lambda each: each.time):
        if asked.reply[0] <= reply.time <= asked.reply[1] and reply.words not in distinct:
            distinct.append(reply.words)
            scores[reply.time] = grade([word for each in distinct for word in each], asked.facts)
    found = sorted(scores.items())
    if len(found) < 2:
        return found
    reached = next((score for time, score in reversed(found) if time <= asked.related[1]), 0)
    return [(time, score) for time, score in found if time <= asked.related[1] or score >= reached]


def pauc(asked: Asked, replies: Sequence[Reply], omega: float = 0.5) -> float:
    """0 to 1; silence gets exactly 0.25."""
    begin, end = asked.reply
    found = graded(asked, replies)
    if not found:
        return _SILENCE / 2
    if end <= begin:
        return 0.0
    points = [(0.0, _SILENCE), *(((time - begin) * (1 - omega), float(score)) for time, score in found)]
    ends = [*(x for x, _ in points[1:]), end - begin]
    area = sum(height * (until - x) for (x, height), until in zip(points, ends, strict=True))
    return area / (2 * (end - begin))
