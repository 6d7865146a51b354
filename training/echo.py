"""The model's own voice as its microphone hears it: every word that the shipped voice says, as log-mel frames, and what
of them comes back from a loudspeaker.

The frames are kept in a file of the bank's folder; it is made at the first use (minutes) and again when the voice has
new weights. It knows no scenes: what is said is a row of tokens, one a beat.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import SHIPPED_VOICE, digest, load_mouth
from counterpoint.interaction.nn.dmel import BANDS, FRAMES_PER_BEAT, LogMel
from counterpoint.interaction.nn.synthesiser import Synthesiser
from counterpoint.interaction.nn.voice import SAMPLES_PER_BEAT, Voice
from training.bank import LOUDNESS, LOW, STEP

FILE = "own-words.npz"
DRAWS = 3
"""How often each word is said: the voice draws anew in every beat."""
SHARE = 0.25
"""Of the training streams with sound: heard through loudspeakers."""
LATEST = 16
"""Frames (.4 s) that sound takes at most through loudspeaker, air and microphone."""


@dataclass(frozen=True)
class Echo:
    """How much of its own voice comes back. `level`: dB against the person's speech; `late`: frames after the sound
    left; `line`: dB [80]; `bent`: through a frequency axis like the person's, so that it is not known by its timbre.
    """

    level: float
    late: int = 0
    line: np.ndarray | None = None
    bent: bool = False

    @staticmethod
    def draw(rng: np.random.Generator) -> Echo | None:
        """A random loudspeaker; mostly there is none."""
        if rng.random() >= SHARE:
            return None
        knots = rng.normal(0, rng.choice([1.0, 3.0, 5.0]), 7)
        return Echo(
            level=rng.uniform(-35, -3),
            late=int(rng.integers(0, LATEST + 1)),
            line=np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 7), knots),
            bent=bool(rng.random() < 0.5),
        )


@dataclass(frozen=True)
class OwnWords:
    """uint8 frames as the bank keeps them [n, 80], and where in them each word's draws begin. A word lasts its beats,
    and one more in which it dies away.
    """

    frames: np.ndarray
    starts: dict[int, tuple[int, ...]]

    def mel(self, word: int, draw: int, more: bool = False) -> np.ndarray:
        """log10 magnitudes of a word; `more`: another one follows at once."""
        start = self.starts[word][draw % len(self.starts[word])]
        beats = v.beats_to_say(word) + (0 if more else 1)
        return self.frames[start : start + beats * FRAMES_PER_BEAT].astype(np.float32) * STEP + LOW

    def spoken(self, word: int) -> list[int]:
        """The word, or its letters where it has no sound."""
        if word in self.starts or not v.is_word(word):
            return [word] if word in self.starts else []
        return [v.IDS[letter] for letter in v.TOKENS[word] if v.IDS.get(letter) in self.starts]

    def sounding(self, said: np.ndarray) -> list[tuple[int, int]]:
        """(beat, word) of what sounds. A word leaves with the beat after the one in which it was chosen, or when the
        one before it has ended.
        """
        found, free = [], 0
        for beat in np.flatnonzero(said):
            for word in self.spoken(int(said[beat])):
                start = max(int(beat) + 1, free)
                found.append((start, word))
                free = start + v.beats_to_say(word)
        return found

    def power(
        self, said: np.ndarray, echo: Echo, rng: np.random.Generator, axis: np.ndarray | None = None
    ) -> np.ndarray:
        """What comes back of the words said, float32 [8 beats, 80]. `axis`: where each band reads."""
        count = len(said) * FRAMES_PER_BEAT
        out = np.zeros((count, BANDS), np.float32)
        places = self.sounding(said)
        begins = {beat for beat, _ in places}
        for beat, word in places:
            mel = self.mel(word, int(rng.integers(DRAWS)), more=beat + v.beats_to_say(word) in begins)
            if axis is not None:
                mel = np.stack([np.interp(axis, np.arange(BANDS), row) for row in mel])
            first = beat * FRAMES_PER_BEAT + echo.late
            mel = mel[: max(0, count - first)]
            out[first : first + len(mel)] += np.exp(mel * (2 * np.log(10)))
        line = echo.level + (echo.line if echo.line is not None else np.zeros(BANDS))
        return out * (10 ** (line / 10)).astype(np.float32)


def own_words(folder: Path, weights: Path = SHIPPED_VOICE) -> OwnWords:
    """Those in the folder, made if they are not there or of other weights. Several processes may ask at once."""
    known, file = digest(weights), folder / FILE
    if file.is_file():
        with np.load(file) as kept:
            if str(kept["voice"]) == known:
                return _of(kept["frames"], kept["words"], kept["starts"])
    print(f"saying every word, once for all: {file}", flush=True)
    voice = Voice(load_mouth(weights), Synthesiser())
    made = say_all(voice, (token for token in range(v.USED) if voice.can_say(token)))
    unfinished = file.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as out:
        np.savez(out, voice=known, **made)
    unfinished.replace(file)
    return _of(**made)


def say_all(voice: Voice, words: Iterable[int], draws: int = DRAWS) -> dict[str, np.ndarray]:
    """Every word by itself, at the bank's loudness: `frames`, and `words` and `starts` (frames) of every draw."""
    state = voice.begin()
    sounds, said, starts = [], [], []
    at = 0
    for word in np.repeat(list(words), draws):
        said.append(int(word))
        starts.append(at)
        sound, state = voice.speak(state, int(word))
        while sound is not None:
            sounds.append(sound)
            at += FRAMES_PER_BEAT
            sound, state = voice.speak(state)
    samples = np.concatenate(sounds)
    assert len(samples) == at // FRAMES_PER_BEAT * SAMPLES_PER_BEAT
    loud = np.abs(samples) > 0.02 * np.abs(samples).max()
    mel = LogMel()
    frames, _ = mel(samples * (LOUDNESS / np.sqrt(np.mean(samples[loud] ** 2))), mel.initial_state())
    kept = np.clip(np.rint((frames - LOW) / STEP), 0, 255).astype(np.uint8)
    return {"frames": kept, "words": np.array(said), "starts": np.array(starts)}


def _of(frames: np.ndarray, words: np.ndarray, starts: np.ndarray) -> OwnWords:
    places: dict[int, tuple[int, ...]] = {}
    for word, start in zip(words.tolist(), starts.tolist(), strict=True):
        places[word] = (*places.get(word, ()), start)
    return OwnWords(frames, places)
