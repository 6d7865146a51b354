"""A question that a synthesizer asks in real time, and a judge of what was answered: Whisper over the whole sound."""

import re

import numpy as np

from counterpoint.config import AUDIO_RATE
from counterpoint.interaction.speech.recogniser import Recogniser
from counterpoint.shared_context.chunks import AudioChunk
from counterpoint.testing.person import PIECE_SECONDS, Cue, Person

PIECE = round(PIECE_SECONDS * AUDIO_RATE) * 2
_NUMBERS = dict(enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]))


def microphone(sound: bytes, *, at: float = 0.0) -> Person:
    """Pieces of 20 ms, each when its last sample has been recorded."""
    return tuple(
        Cue(
            at + (seq + 1) * PIECE_SECONDS, AudioChunk(sound[seq * PIECE : (seq + 1) * PIECE], seq, seq * PIECE_SECONDS)
        )
        for seq in range(len(sound) // PIECE)
    )


def understood(judge: Recogniser, sound: bytes) -> str:
    """Cut at silences, as the judge hears at most 27 s at a time."""
    samples = np.frombuffer(sound, "<i2").astype(np.float32) / 32768
    size = 20 * AUDIO_RATE
    return " ".join(
        word.text for at in range(0, len(samples), size) for word in judge.words(samples[at : at + size], 0)
    )


def plain(text: str) -> list[str]:
    words = re.findall(r"[a-z0-9]+", text.casefold())
    return [_NUMBERS.get(int(word), word) if word.isdigit() else word for word in words]


def word_errors(said: str, heard: str) -> float:
    """Substitutions, insertions and deletions per word said."""
    one, other = plain(said), plain(heard)
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, yours in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (mine != yours))
    return row[-1] / max(1, len(one))
