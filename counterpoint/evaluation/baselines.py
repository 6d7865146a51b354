"""What a figure is worth: the same words behind a turn-taking harness, and silence."""

from __future__ import annotations

from collections.abc import Sequence

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
