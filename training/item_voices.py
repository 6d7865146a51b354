"""Who says evaluation items: synthesizers and voices by how well they are known from training.

"seen voices": trained on; "unseen variants", "unseen voices", "unseen synthesizers": never.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import RATE
from training import phrases, voices
from training.align import align
from training.bank import _engine, espeak_variants
from training.kokoro import VOICES, Kokoro
from training.scene import NoClip, Utterance
from training.speakers import avoid_ok
from training.voices import ACCENTS, Clip

Voice = Callable[[str], Clip | None]


class SynthSpeaker:
    """Fills templates and has them said. The clip rides in the utterance's `entry`."""

    def __init__(self, voice: Voice, rng: np.random.Generator) -> None:
        self._voice, self._rng = voice, rng

    def say(self, kind: str, *, avoid: Collection[int] = (), word: int | None = None, **given: str) -> Utterance:
        """A phrase with its sound; NoClip where the synthesizer's word times do not fit."""
        if word is not None:
            given["W"] = v.TOKENS[word]
        for _ in range(20):
            phrase = phrases.fill(self._rng, kind, split="test", **given)
            words = v.encode(phrase.text)
            if not avoid_ok(words, avoid) or (word is not None and word not in words):
                continue
            clip = self._voice(phrase.text)
            if clip is not None:
                return Utterance(kind, tuple(words), clip.ends, len(clip.samples) / RATE, phrase.slots, {"clip": clip})
        raise NoClip


def voices_of(split: str, rng: np.random.Generator, kokoro: float = 0.0) -> tuple[str, Voice]:
    """A random voice of the split. `kokoro`: how often an unseen synthesizer is Kokoro, which is slow."""
    if split == "unseen synthesizers" and kokoro and rng.random() < kokoro:
        name, pace = str(rng.choice(VOICES)), float(rng.uniform(0.85, 1.15))
        slow, known = _engine(Kokoro, name), _engine(voices.Flite, "rms")
        return f"kokoro {name}", lambda text: _aligned(known.say(text, 0.97), slow.samples(text, pace))
    if split == "unseen synthesizers":
        import onnxruntime

        onnxruntime.set_seed(int(rng.integers(2**31)))  # Piper's noise, from when it is loaded
        piper, reference = _engine(voices.Piper, "joe"), _engine(voices.Flite, "rms")
        length = float(rng.uniform(0.85, 1.2))
        return "piper joe", lambda text: _aligned(reference.say(text, 0.97), piper.samples(text, length))
    if split == "unseen voices":
        slt = _engine(voices.Flite, "slt")
        pace = float(rng.uniform(0.8, 1.2))
        return "flite slt", lambda text: slt.say(text, pace)
    if split == "seen voices" and rng.random() < 0.5:
        name = str(rng.choice(["awb", "rms", "kal16"]))
        known, pace = _engine(voices.Flite, name), float(rng.uniform(0.8, 1.2))
        return f"flite {name}", lambda text: known.say(text, pace)
    espeak = _engine(voices.Espeak)  # one for the process: the library knows one callback
    for _ in range(50):
        variant = str(rng.choice(espeak_variants("test" if split == "unseen variants" else "train")))
        accent, rate, pitch = str(rng.choice(ACCENTS)), int(rng.integers(130, 200)), int(rng.integers(20, 80))
        if espeak.say("look at the ball", accent, variant, rate, pitch):  # not every pair of accent and variant speaks
            return f"espeak-ng {accent}+{variant}", lambda text: espeak.say(text, accent, variant, rate, pitch)
    raise RuntimeError("espeak-ng says nothing with any of its voices")


def _aligned(known: Clip | None, samples: np.ndarray) -> Clip | None:
    return align(known, samples) if known else None
