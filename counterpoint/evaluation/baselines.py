"""What a figure is worth: silence, chance, and the same words behind a turn-taking harness."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec

from counterpoint.config import BEAT_SECONDS
from counterpoint.evaluation.items import Hand, Item, Suite
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.oracle import clean_phrases, phrases
from counterpoint.evaluation.spelling import plain

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
    """What is left of what was said to an item if every word must wait for the end of the person's turn. Words that
    were heard wait as words.
    """
    beats = round(item.seconds / BEAT_SECONDS)
    speaking = [
        any(a < (n + 1) * BEAT_SECONDS and b > n * BEAT_SECONDS for a, b in item.speaking) for n in range(beats)
    ]
    said = [0] * beats
    for number, each in enumerate(lived.said, 1):
        beat = max(0, min(beats, round(each.time / BEAT_SECONDS)) - 1)
        while beat < beats - 1 and said[beat]:
            beat += 1
        said[beat] = number
    left = behind_turns(said, speaking)
    words = tuple(At((beat + 1) * BEAT_SECONDS, lived.said[n - 1].word) for beat, n in enumerate(left) if n)
    return msgspec.structs.replace(lived, said=words, sounding=None)


def silent() -> Lived:
    """Nothing is heard, said or handed over."""
    return Lived()


def at_random(item: Item, seed: str = "") -> Lived:
    """As many words as the oracle says, drawn from the same ones, at random moments; so with delegations, and what is
    heard.
    """
    draw = random.Random(f"{item.id} {seed}")  # noqa: S311 (a baseline, no secret)
    wanted, clean = (
        [word for _, text in each for word in plain(text)] for each in (phrases(item), clean_phrases(item))
    )
    heard = [sound for each in item.words for sound in plain(each.word)] if item.suite is Suite.WORDS else []
    handed = sum(isinstance(each, Hand) for each in item.expect)

    def scattered(words: list[str]) -> tuple[At, ...]:
        found = [At(draw.uniform(0, item.seconds), draw.choice(words)) for _ in words]
        return tuple(sorted(found, key=lambda each: each.time))

    said, understood = scattered(wanted), scattered(heard)
    return Lived(said, understood, tuple(draw.uniform(0, item.seconds) for _ in range(handed)), clean=scattered(clean))
