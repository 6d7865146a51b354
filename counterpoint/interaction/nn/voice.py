"""A mouth and a synthesiser together: a word after the other becomes sound, beat by beat.

The state is a value, passed in and handed back. Which words are said, and when, is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.mouth import STEPS, TEMPERATURE, Mouth, MouthState, can_say, closed, utter
from counterpoint.interaction.nn.synthesiser import FRAMES_PER_BEAT, HOP, Synthesiser, VocalState

SAMPLES_PER_BEAT = FRAMES_PER_BEAT * HOP

Samples = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Speaking:
    """What a voice carries from beat to beat. `word`: the one it is in the middle of, `part` the beat of it that comes
    next. `dying`: a word has just ended, and another beat belongs to it unless a word follows.
    """

    mouth: MouthState
    vocal: VocalState
    word: int = v.PAD
    part: int = 0
    dying: bool = False


@dataclass(frozen=True)
class Voice:
    """`steps` and `temperature` of the flow. Shared by all who speak with it."""

    mouth: Mouth
    synthesiser: Synthesiser
    steps: int = STEPS
    temperature: float = TEMPERATURE

    def begin(self) -> Speaking:
        """The state before the first word."""
        return Speaking(closed(self.mouth), self.synthesiser.begin())

    def can_say(self, token: int) -> bool:
        """Whether the token is a word that has a sound."""
        return can_say(self.mouth, token)

    def speak(self, state: Speaking, following: int = v.PAD) -> tuple[Samples | None, Speaking]:
        """A beat of 3,200 samples, or None while nothing sounds. A word is said to its end; where none is being said,
        `following` begins. When the returned state's `word` is padding, the word has ended.

        Raises ValueError for a word that has no sound.
        """
        word, part = (state.word, state.part) if state.word != v.PAD else (following, 0)
        if word == v.PAD and not state.dying:
            return None, replace(state, mouth=replace(state.mouth, beat=state.mouth.beat + 1))
        frames, mouth = utter(self.mouth, state.mouth, word, part, steps=self.steps, temperature=self.temperature)
        sound, vocal = self.synthesiser.speak(frames, state.vocal)
        if word == v.PAD:
            rest = self.begin()
            return sound, replace(rest, mouth=replace(rest.mouth, beat=mouth.beat))
        ended = part + 1 == v.beats_to_say(word)
        return sound, Speaking(mouth, vocal, v.PAD if ended else word, 0 if ended else part + 1, dying=ended)

    def stop(self, state: Speaking) -> tuple[Samples | None, Speaking]:
        """Silence from now on: a beat that fades within 5 ms, or None if nothing sounded. A word is broken off."""
        rest = self.begin()
        rest = replace(rest, mouth=replace(rest.mouth, beat=state.mouth.beat))
        if state.word == v.PAD and not state.dying:
            return None, rest
        fading, _ = self.synthesiser.stop(state.vocal)
        sound = np.zeros(SAMPLES_PER_BEAT, np.float32)
        sound[: len(fading)] = fading
        return sound, rest
