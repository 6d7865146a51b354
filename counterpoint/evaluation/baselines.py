"""What a figure is worth: silence, chance, perfection, and the same words behind a turn-taking harness."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import assert_never

from counterpoint.config import BEAT_SECONDS
from counterpoint.evaluation.items import Expected, GoOn, Hand, Item, Recite, Say, Stop, Suite
from counterpoint.evaluation.living import At, Lived

TURN_SILENCE = 3
"""Beats of silence (.6 s) after which a harness takes the person's turn to be over; a common setting of
voice-activity detectors.
"""


def behind_turns(
    said: Sequence[int], speaking: Sequence[bool], silence: int = TURN_SILENCE, nothing: int = 0
) -> list[int]:
    """What is left of a model's words when it may speak only after the person's turn.

    Words said while the person speaks, or before the silence has lasted, wait in order and come out one a beat.
    `speaking` is the truth: the harness is given a perfect detector.
    """
    out: list[int] = []
    waiting: list[int] = []
    quiet = 0
    for token, active in zip(said, speaking, strict=True):
        quiet = 0 if active else quiet + 1
        if token != nothing:
            waiting.append(token)
        out.append(waiting.pop(0) if waiting and quiet >= silence else nothing)
    return out


def waiting_for_turns(item: Item, lived: Lived) -> Lived:
    """What is left of what was said to an item if every word must wait for the end of the person's turn."""
    beats = round(item.seconds / BEAT_SECONDS)
    speaking = [
        any(a < (n + 1) * BEAT_SECONDS and b > n * BEAT_SECONDS for a, b in item.speaking) for n in range(beats)
    ]
    said = [0] * beats
    for number, each in enumerate(lived.said, 1):
        beat = min(beats, round(each.time / BEAT_SECONDS)) - 1
        while beat < beats - 1 and said[beat]:
            beat += 1
        said[beat] = number
    left = behind_turns(said, speaking)
    words = tuple(At((beat + 1) * BEAT_SECONDS, lived.said[n - 1].word) for beat, n in enumerate(left) if n)
    return Lived(words, lived.understood, lived.handed)


def silent() -> Lived:
    """Nothing is heard, said or handed over."""
    return Lived()


def at_random(item: Item, seed: str = "") -> Lived:
    """As many words as are expected, drawn from the same ones, at random moments; so with delegations, and what is
    heard.
    """
    draw = random.Random(f"{item.id} {seed}")  # noqa: S311 (a baseline, no secret)
    wanted = [word for each in item.expect if isinstance(each, Say | Recite) for word in each.words]
    heard = [each.word for each in item.words] if item.suite is Suite.WORDS else []
    handed = sum(isinstance(each, Hand) for each in item.expect)

    def scattered(words: list[str]) -> tuple[At, ...]:
        found = [At(draw.uniform(0, item.seconds), draw.choice(words)) for _ in words]
        return tuple(sorted(found, key=lambda each: each.time))

    return Lived(scattered(wanted), scattered(heard), tuple(draw.uniform(0, item.seconds) for _ in range(handed)))


def perfect(item: Item) -> Lived:
    """Whatever the item expects, as soon as it may come."""
    said: list[At] = []
    handed: list[float] = []
    for each in item.expect:
        said += _said(each)
        if isinstance(each, Hand):
            handed.append((each.begin + each.end) / 2)
    understood = tuple(At(word.end, word.word) for word in item.words)
    return Lived(tuple(sorted(said, key=lambda one: one.time)), understood, tuple(handed))


def _said(expected: Expected) -> list[At]:
    match expected:
        case Say():
            first = expected.due + 0.15 if expected.due else expected.begin + 0.35
            return [At(first + 0.2 * n, word) for n, word in enumerate(expected.words)]
        case Recite(begin, _, words):
            return [At(begin + 0.1 + 0.05 * n, word) for n, word in enumerate(words)]
        case GoOn(_, begin, end):
            return [At((begin + end) / 2, "and")]
        case Stop(_, begin, by, _):
            return [At((begin + by) / 2, "and")]
        case Hand():
            return []
        case _:
            assert_never(expected)
