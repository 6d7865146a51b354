"""Scenes as samples, and WAV files of them: clips at one loudness, in a quiet room."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from counterpoint.interaction.nn.dmel import RATE
from training.bank import LOUDNESS
from training.scene import Scene


def loudness(samples: np.ndarray) -> float:
    """Root mean square of where something is said."""
    loud = np.abs(samples) > 0.02 * np.abs(samples).max()
    return float(np.sqrt(np.mean(samples[loud] ** 2)))


def mixed(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """float32 samples of the scene: clips at one loudness, in a quiet room."""
    sound = np.zeros(int(scene.length * RATE), np.float32)
    for placed in scene.placed:
        samples = placed.utterance.entry["clip"].samples
        level = LOUDNESS / max(1e-5, loudness(samples)) * 10 ** (placed.gain / 20)
        first = max(0, int(placed.start * RATE))
        part = (samples * level)[: max(0, len(sound) - first)]
        sound[first : first + len(part)] += part
    gain = 10 ** (rng.uniform(-12, 3) / 20)
    noise = rng.normal(0, LOUDNESS * 10 ** (-rng.uniform(20, 45) / 20), len(sound))
    return ((sound + noise) * gain).clip(-1, 1).astype(np.float32)


def levelled(sound: np.ndarray, eight_bits: bool) -> np.ndarray:
    """Close to full scale where eight bits are to be enough."""
    return sound * (0.5 / max(0.05, float(np.abs(sound).max()))) if eight_bits else sound


def write_wav(path: Path, samples: np.ndarray, eight_bits: bool) -> None:
    """Mono, 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1 if eight_bits else 2)
        file.setframerate(RATE)
        if eight_bits:
            file.writeframes(np.clip(np.rint(samples * 128 + 128), 0, 255).astype(np.uint8).tobytes())
        else:
            file.writeframes((samples * 32767).astype("<i2").tobytes())
