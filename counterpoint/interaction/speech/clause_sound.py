"""A clause as a synthesizer made it, as it is to be said: at our rate, without silence around it. Pure."""

import re
from array import array
from typing import Final

from counterpoint.config import AUDIO_RATE
from counterpoint.interaction.resampler import Resampler

_SILENT: Final = 160
"""Below this (of 32,768) it is silence."""

_KEPT: Final = AUDIO_RATE // 50
_AFTER_CLAUSE, _AFTER_SENTENCE = 0.12, 0.3
"""Seconds of silence behind the words, in place of what the synthesizer makes."""


def spoken(text: str, audio: bytes, rate: int, ends: list[float]) -> tuple[bytes, list[float]]:
    """At our rate, without the silence around it. Word times are estimated from letters where there are none."""
    sound = array("h", audio if rate == AUDIO_RATE else Resampler(rate, AUDIO_RATE)(audio))
    loud = [index for index in range(0, len(sound), 16) if abs(sound[index]) > _SILENT]
    if not loud:
        return b"", []
    first, last = max(0, loud[0] - _KEPT), min(len(sound), loud[-1] + 2 * _KEPT)
    seconds = (last - first) / AUDIO_RATE
    words = text.split()
    if len(ends) != len(words):
        ends = estimated(words, seconds)
    else:
        ends = [min(max(end - first / AUDIO_RATE, 0.0), seconds) for end in ends]
    pause = _AFTER_SENTENCE if re.search(r"[.!?…]\W*$", text) else _AFTER_CLAUSE
    return sound[first:last].tobytes() + bytes(2 * round(pause * AUDIO_RATE)), ends


def estimated(words: list[str], seconds: float) -> list[float]:
    """A word lasts as its letters, a digit as three of them, and each has a beginning."""
    weights = [2.0 + sum(3.0 if each.isdigit() else float(each.isalpha()) for each in word) for word in words]
    total, ends = 0.0, list[float]()
    for weight in weights:
        total += weight
        ends.append(seconds * total / sum(weights))
    return ends
