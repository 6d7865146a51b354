"""What a model made of an item: words and when they went out, what it understood, when it delegated, and its sound."""

import msgspec

from counterpoint.config import AUDIO_RATE, BEAT_SECONDS

Interval = tuple[float, float]

UTTERANCE_GAP = 0.5
"""Seconds of silence between two utterances."""


class At(msgspec.Struct, frozen=True):
    """A word and its onset in seconds. `end`: 0 where only the onset is known."""

    time: float
    word: str
    end: float = 0.0

    @property
    def until(self) -> float:
        """Its end; a word that is written takes a beat."""
        return self.end or self.time + BEAT_SECONDS


class Lived(msgspec.Struct, frozen=True):
    """`handed`: when it delegated. `clean`: what it said to the same item without the overlap, where there is such a
    sound. `sounding`: when its voice was heard, None for words that were never sound. `sound`, `clean_sound`: what came
    out (PCM16 mono at `rate`), None of a model that only writes.
    """

    said: tuple[At, ...] = ()
    understood: tuple[At, ...] = ()
    handed: tuple[float, ...] = ()
    clean: tuple[At, ...] = ()
    sounding: tuple[Interval, ...] | None = None
    sound: bytes | None = None
    clean_sound: bytes = b""
    rate: int = AUDIO_RATE

    @property
    def segments(self) -> tuple[Interval, ...]:
        """When it spoke: its sound, or its words with no longer silence between them."""
        if self.sounding is not None:
            return self.sounding
        return tuple((each[0].time, max(one.until for one in each)) for each in utterances(self.said))


def utterances(said: tuple[At, ...], gap: float = UTTERANCE_GAP) -> list[list[At]]:
    """Words parted where nothing is said for longer than the gap."""
    found: list[list[At]] = []
    end = float("-inf")
    for each in sorted(said, key=lambda one: one.time):
        if each.time - end > gap:
            found.append([])
        found[-1].append(each)
        end = max(end, each.until)
    return found
