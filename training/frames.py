"""Sound to the frames that the synthesiser speaks from, at the model's own pace. Analysis is WORLD's (`pyworld-prebuilt`), needed for training only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.synthesiser import (
    COEFFICIENTS,
    FFT,
    FRAMES_PER_BEAT,
    HOP,
    PITCH,
    RATE,
    VOICING,
    WIDTH,
    mel,
    silent_frame,
)
from training.own_voice import OwnVoice

LEVEL = 1.3
"""The recording is brought up: loud, and no peak needs the limiter."""

FLOOR = 2e-9
"""Power below which there is nothing to hear: silence that is much deeper would only stretch the scale of the frames."""

_GRID = 128
_FRAME = HOP / RATE


@dataclass(frozen=True)
class Speech:
    """One utterance: tokens, and frames [16 (beats of the tokens + 1), 42]: the words at their pace and a beat of what follows."""

    tokens: tuple[int, ...]
    frames: np.ndarray


def analyse(samples: np.ndarray) -> np.ndarray:
    """Frames [n, 42], the k-th of them of the moment k frames after the start."""
    import pyworld

    sound = samples.astype(np.float64) * LEVEL
    pitch, times = pyworld.dio(sound, RATE, f0_floor=80.0, f0_ceil=400.0, frame_period=_FRAME * 1000)
    pitch = pyworld.stonemask(sound, pitch, times, RATE)
    power = pyworld.cheaptrick(sound, pitch, times, RATE, fft_size=FFT)
    frames = np.zeros((len(pitch), WIDTH), np.float32)
    frames[:, :COEFFICIENTS] = _cosines(0.5 * np.log(np.maximum(power, FLOOR)))
    voiced = pitch > 0
    frames[:, VOICING] = voiced
    frames[:, PITCH] = silent_frame()[PITCH]
    if voiced.any():
        frames[:, PITCH] = np.interp(np.arange(len(pitch)), np.flatnonzero(voiced), np.log(pitch[voiced]))
    return frames


def _cosines(log_amplitudes: np.ndarray) -> np.ndarray:
    """The first coefficients of the cosine series over the mel axis."""
    grid = (np.arange(_GRID) + 0.5) / _GRID
    axis = mel(np.arange(FFT // 2 + 1) * (RATE / FFT))
    warped = np.stack([np.interp(grid, axis, row) for row in log_amplitudes])
    cosines = np.cos(np.pi * np.arange(COEFFICIENTS)[:, None] * grid) * (2 / _GRID)
    cosines[0] /= 2
    return warped @ cosines.T


def spoken(voice: OwnVoice, text: str, seed: int = 0) -> Speech | None:
    """The voice says the text at the model's pace, or None where its words are not the text's."""
    tokens = tuple(v.IDS[word] for word in text.split())
    said = voice.say(text, [v.beats_to_say(token) for token in tokens], seed)
    if said is None:
        return None
    first, last = round(said.starts[0] / _FRAME), round(said.starts[-1] / _FRAME) + FRAMES_PER_BEAT
    return Speech(tokens, analyse(said.samples)[first + 1 : last + 1])
