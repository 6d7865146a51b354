"""A synthesizer in a process of its own, so that one that hangs, or has another licence, does so by itself.

Each line of its input is a clause as JSON; each answer is a line {"samples": n, "ends": [...]} and then the sound.
"""

import re
import sys
from typing import Any, BinaryIO, Final

import msgspec

from counterpoint.config import AUDIO_RATE
from counterpoint.interaction.speech.clause_sound import spoken


def pico(language: str) -> Any:
    """SVOX Pico (Apache-2.0) tells no times of words. A word of hundreds of letters would never end."""
    import py_nanotts

    engine = py_nanotts.NanoTTS()

    def say(text: str) -> tuple[bytes, int, list[float]]:
        plain = re.sub(r"(\w{30})(?=\w)", r"\1 ", re.sub(r"[<>\\]", " ", text))
        return engine.speak(plain, voice=language), AUDIO_RATE, []

    return say


def espeak(language: str) -> Any:
    from counterpoint.interaction.speech.espeak import Espeak

    return Espeak(language).say


SYNTHESIZERS: Final = {"pico": pico, "espeak": espeak}


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
