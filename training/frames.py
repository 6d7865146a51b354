"""Sound to the frames that the synthesiser speaks from, and speech at the model's own pace: each word stretched to the beats that it takes.

Stretching happens among frames, where there is no phase. Vowels give way before plosives do. Analysis is WORLD's (`pyworld-prebuilt`), needed for
training only.
"""

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
from training.voices import Flite

LEVEL = 0.5
"""flite's sound is brought down by half, so that no peak needs the limiter."""

FINE = 0.005
_GRID = 128
_FRAME = HOP / RATE
_TAIL = FRAMES_PER_BEAT
"""Frames of what follows the last word."""

_SOFT = {"aa", "ae", "ah", "ao", "aw", "ax", "axr", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw"}
_LIQUID = {"l", "r", "w", "y", "m", "n", "ng", "en", "em", "el"}
_HISS = {"s", "sh", "z", "zh", "f", "v", "th", "dh"}


@dataclass(frozen=True)
class Speech:
    """One utterance: tokens, and frames [16 (beats of the tokens + 1), 42]: the words at their pace and a beat of what follows."""

    tokens: tuple[int, ...]
    frames: np.ndarray


def analyse(samples: np.ndarray, period: float = _FRAME) -> np.ndarray:
    """Frames [n, 42], the k-th of them of the moment k periods after the start."""
    import pyworld

    sound = samples.astype(np.float64) * LEVEL
    pitch, times = pyworld.dio(sound, RATE, f0_floor=80.0, f0_ceil=400.0, frame_period=period * 1000)
    pitch = pyworld.stonemask(sound, pitch, times, RATE)
    power = pyworld.cheaptrick(sound, pitch, times, RATE, fft_size=FFT)
    frames = np.zeros((len(pitch), WIDTH), np.float32)
    frames[:, :COEFFICIENTS] = _cosines(0.5 * np.log(np.maximum(power, 1e-12)))
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


def spoken(voice: Flite, text: str, stretch: float = 1.0) -> Speech | None:
    """The voice says the text at the model's pace, or None where its words are not the text's."""
    samples, ends, phones = voice.phones(text, stretch)
    words = text.split()
    if len(ends) != len(words):
        return None
    fine = analyse(samples, FINE)
    tokens = tuple(v.IDS[word] for word in words)
    moments: list[np.ndarray] = []
    for token, parts in zip(tokens, _by_word(phones, ends), strict=True):
        if not parts:
            return None
        moments.append(_moments(parts, v.beats_to_say(token) * FRAMES_PER_BEAT * _FRAME))
    moments.append(ends[-1] + _FRAME * np.arange(1, _TAIL + 1))
    return Speech(tokens, _read(fine, np.concatenate(moments)))


Phone = tuple[str, float, float]
"""Name, start, end."""


def _by_word(phones: list[tuple[str, float]], ends: list[float]) -> list[list[Phone]]:
    """The phones of each word; pauses belong to none."""
    found: list[list[Phone]] = [[] for _ in ends]
    start, word = 0.0, 0
    for name, end in phones:
        if name != "pau" and word < len(ends):
            found[word].append((name, start, end))
        while word < len(ends) and end >= ends[word] - 1e-4:
            word += 1
        start = end
    return found


def _moments(phones: list[Phone], seconds: float) -> np.ndarray:
    """Where in the recording each of the word's frames is read, if the word is to last so long."""
    natural = np.array([end - start for _, start, end in phones])
    yields = np.array([_give(name) for name, _, _ in phones]) if seconds > natural.sum() else np.ones(len(phones))
    wanted = natural * (1 + yields * (seconds - natural.sum()) / (natural * yields).sum())
    knots = np.concatenate([[0.0], wanted.cumsum()])
    places = np.concatenate([[phones[0][1]], [end for _, _, end in phones]])
    return np.interp(_FRAME * np.arange(1, round(seconds / _FRAME) + 1), knots, places)


def _give(phone: str) -> float:
    """How far a phone gives way when its word is drawn out."""
    return 1.0 if phone in _SOFT else 0.7 if phone in _LIQUID else 0.5 if phone in _HISS else 0.25


def _read(fine: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Frames between frames."""
    places = np.clip(moments / FINE, 0, len(fine) - 1.001)
    low = places.astype(int)
    share = (places - low)[:, None].astype(np.float32)
    frames = fine[low] * (1 - share) + fine[low + 1] * share
    frames[:, VOICING] = frames[:, VOICING] > 0.5
    return frames
