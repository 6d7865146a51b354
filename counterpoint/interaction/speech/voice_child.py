"""A synthesizer in a process of its own, so that one that hangs, or has another licence, does so by itself.

Each line of its input is a clause as JSON; each answer is a line {"samples": n, "ends": [...]} and then the sound.
"""

import re
import sys
from array import array
from typing import Any, BinaryIO, Final

import msgspec

from counterpoint.config import AUDIO_RATE
from counterpoint.interaction.resampler import Resampler

_SILENT: Final = 160
"""Below this (of 32,768) it is silence."""

_KEPT: Final = AUDIO_RATE // 50
_AFTER_CLAUSE, _AFTER_SENTENCE = 0.12, 0.3
"""Seconds of silence behind the words, in place of what the synthesizer makes."""


def pico(language: str) -> Any:
    """SVOX Pico (Apache-2.0) tells no times of words. A word of hundreds of letters would never end."""
    import py_nanotts  # noqa: PLC0415 (an extra)

    engine = py_nanotts.NanoTTS()

    def say(text: str) -> tuple[bytes, int, list[float]]:
        plain = re.sub(r"(\w{30})(?=\w)", r"\1 ", re.sub(r"[<>\\]", " ", text))
        return engine.speak(plain, voice=language), AUDIO_RATE, []

    return say


def espeak(language: str) -> Any:
    from counterpoint.interaction.speech.espeak import Espeak  # noqa: PLC0415 (an extra)

    return Espeak(language).say


SYNTHESIZERS: Final = {"pico": pico, "espeak": espeak}


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


def answer(say: Any, clause: str, out: BinaryIO) -> None:
    audio, rate, ends = say(clause)
    sound, times = spoken(clause, audio, rate, ends)
    out.write(msgspec.json.encode({"samples": len(sound) // 2, "ends": times}) + b"\n" + sound)
    out.flush()


def main(name: str, language: str) -> None:
    say = SYNTHESIZERS[name](language)
    for line in sys.stdin.buffer:
        answer(say, msgspec.json.decode(line, type=str), sys.stdout.buffer)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
