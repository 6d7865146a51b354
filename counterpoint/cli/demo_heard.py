"""What was understood and said in a recorded conversation, in seconds of the recording. It knows micro-turns only."""

from collections.abc import Sequence
from typing import Final

import msgspec

from counterpoint.cli.understood import Line
from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.microturn import MicroTurn

_QUIET: Final = 300
"""Below this a sample is no sound of a voice."""

_NEAR_SECONDS: Final = 0.5


class Said(msgspec.Struct, frozen=True):
    """`begin`: of its sound, or when its first word was understood; `end`: when the last one was."""

    begin: float
    end: float
    text: str

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word.strip(".,;:!?").lower() for word in self.text.split())


class _Moment(msgspec.Struct, frozen=True):
    beat: int
    at: float
    understood: str
    text: str
    sounds: bool


class Heard:
    """`take` is told each micro-turn and how much had been recorded when it came. `rate`: of the recording."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._beat_zero = 0.0
        self._moments: list[_Moment] = []

    def take(self, turn: MicroTurn, at: float) -> None:
        if not self._moments:
            self._beat_zero = at - (turn.beat + 1) * BEAT_SECONDS
        self._moments.append(_Moment(turn.beat, at, turn.understood.strip(), turn.text, bool(turn.audio)))

    def seconds(self, beat: int) -> float:
        """Where in the recording a beat begins; before it, if less than 0."""
        return self._beat_zero + beat * BEAT_SECONDS

    def understood(self) -> list[Said]:
        """Lines, each from the end of the beat in which its first word was understood."""
        lines: list[Line] = []
        for each in self._moments:
            if not each.understood:
                continue
            if lines and lines[-1].goes_on(each.beat):
                lines[-1] = lines[-1].with_word(each.beat, each.understood)
            else:
                lines.append(Line(each.beat, each.beat, each.understood))
        return [Said(self.seconds(line.first + 1), self.seconds(line.last + 1), line.text) for line in lines]

    def said(self, played: Sequence[int]) -> list[Said]:
        """Stretches of sound with their words, each where it begins in what was played; without a voice, words where
        they came.
        """
        found: list[Said] = []
        begin, text = -1.0, ""
        for each in self._moments:
            if each.sounds and begin < 0:
                begin = each.at
            text += each.text
            if not each.sounds:
                found.append(Said(each.at if begin < 0 else self._onset(played, begin), each.at, text.strip()))
                begin, text = -1.0, ""
        if text:
            found.append(Said(self._onset(played, begin), self._moments[-1].at, text.strip()))
        return [each for each in found if each.text]

    def words(self, played: Sequence[int]) -> list[Said]:
        """Single words, each where its sound begins: at the earliest where that of the word before it ended."""
        found: list[Said] = []
        begin = -1.0
        for each in self._moments:
            if each.sounds and begin < 0:
                begin = each.at
            if words := each.text.split():
                start = each.at if begin < 0 else self._onset(played, begin)
                found += [Said(start, each.at, word) for word in words]
                begin = each.at + BEAT_SECONDS if each.sounds else -1.0
            elif not each.sounds:
                begin = -1.0
        return found

    def silent_from(self, played: Sequence[int], since: float, until: float) -> float:
        """When the last sound between two times ended; `since` where there was none."""
        first, last = (min(len(played), round(seconds * self._rate)) for seconds in (since, until))
        for index in range(last - 1, first - 1, -1):
            if abs(played[index]) > _QUIET:
                return (index + 1) / self._rate
        return since

    def _onset(self, played: Sequence[int], near: float) -> float:
        first = max(0, round(near * self._rate))
        for index in range(first, min(len(played), first + round(_NEAR_SECONDS * self._rate))):
            if abs(played[index]) > _QUIET:
                return index / self._rate
        return near
