"""Scripted people: what they say, type and show, and when. They act in the middle of a beat, never on its edge."""

import math
import struct
from collections.abc import Iterable

import msgspec

from counterpoint.config import AUDIO_RATE, BEAT_SECONDS
from counterpoint.shared_context.chunks import AudioChunk, Chunk, TextChunk, VideoChunk

PIECE_SECONDS = 0.02


class Cue(msgspec.Struct, frozen=True):
    """A chunk that is pushed `at` seconds after the session's start."""

    at: float
    chunk: Chunk


Person = tuple[Cue, ...]


def middle_of(beat: float) -> float:
    """Seconds after the start: the middle of a beat."""
    return (beat + 0.5) * BEAT_SECONDS


def talks(during: Iterable[int], words: str = "well") -> Person:
    """Speaks in each of these beats, a word a beat, over and over the same words."""
    spoken = words.split()
    return tuple(
        Cue(middle_of(beat), TextChunk(spoken[index % len(spoken)], typed=False)) for index, beat in enumerate(during)
    )


def says(text: str, *, at: int) -> Person:
    """Speaks these words, one a beat, from beat `at` on."""
    words = text.split()
    return talks(range(at, at + len(words)), text)


def types(line: str, *, at: int, keys_per_beat: int = 0) -> Person:
    """Types a line that is done in beat `at`; with `keys_per_beat`, key by key before that."""
    if not keys_per_beat:
        return (Cue(middle_of(at), TextChunk(line)),)
    parts = [line[index : index + keys_per_beat] for index in range(0, len(line), keys_per_beat)]
    begin = at - len(parts) + 1
    return tuple(
        Cue(middle_of(begin + index), TextChunk(part, done=index == len(parts) - 1)) for index, part in enumerate(parts)
    )


def sounds(during: Iterable[int], *, pitch: float = 220.0, rate: int = AUDIO_RATE) -> Person:
    """A tone in these beats, in pieces of 20 ms as a microphone sends them."""
    count = round(BEAT_SECONDS / PIECE_SECONDS)
    samples = round(PIECE_SECONDS * rate)
    cues: list[Cue] = []
    for beat in during:
        for piece in range(count):
            seq = beat * count + piece
            wave = [int(8000 * math.sin(2 * math.pi * pitch * (seq * samples + n) / rate)) for n in range(samples)]
            start = seq * PIECE_SECONDS
            chunk = AudioChunk(struct.pack(f"<{samples}h", *wave), seq, start, rate)
            cues.append(Cue(start + PIECE_SECONDS, chunk))
    return tuple(cues)


def shows(during: Iterable[int], *, width: int = 4, height: int = 4) -> Person:
    """A grey picture in each of these beats."""
    pixels = bytes([128]) * (width * height * 3)
    return tuple(
        Cue(middle_of(beat), VideoChunk(pixels, width, height, index, middle_of(beat)))
        for index, beat in enumerate(during)
    )
