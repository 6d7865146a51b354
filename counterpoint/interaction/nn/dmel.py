"""Causal log-mel frames and their discretisation (dMel): 16 kHz in, one frame of 80 bands every 25 ms, no look-ahead.

Frame n sees samples [400 n - 400, 400 n + 400): the eighth frame of a 200 ms beat ends exactly at the beat's edge.
The state is the last 400 samples, passed in and handed back, so that pieces of any number of frames give the same
result as the whole signal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

RATE = 16_000
HOP = 400
WINDOW = 800
FFT = 1024
BANDS = 80
FRAMES_PER_BEAT = 8
FLOOR = 1e-10


@dataclass(frozen=True)
class Levels:
    """The discretisation: `count` evenly spaced levels from `low` to `high` (log10 magnitude)."""

    low: float = -4.6
    high: float = 0.4
    count: int = 16

    def quantise(self, log_mel: Floats) -> NDArray[np.uint8]:
        """The nearest level of each value, clipped to the range."""
        scaled = (log_mel - self.low) * ((self.count - 1) / (self.high - self.low))
        return np.clip(np.rint(scaled), 0, self.count - 1).astype(np.uint8)

    def restore(self, levels: NDArray[np.uint8]) -> Floats:
        """log10 magnitudes at the centres of the levels."""
        return self.low + levels.astype(np.float32) * ((self.high - self.low) / (self.count - 1))


def hertz_to_mel(hertz: Floats) -> Floats:
    """Slaney's mel scale: linear to 1 kHz, logarithmic above."""
    hertz = np.asarray(hertz, dtype=np.float64)
    return np.where(hertz < 1000, hertz * 3 / 200, 15 + np.log(np.maximum(hertz, 1e-9) / 1000) * 27 / np.log(6.4))


def mel_to_hertz(mel: Floats) -> Floats:
    """The inverse of `hertz_to_mel`."""
    mel = np.asarray(mel, dtype=np.float64)
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def filter_bank(low: float = 80.0, high: float = 7600.0) -> NDArray[np.float32]:
    """Triangular filters [BANDS, FFT / 2 + 1], each normalised to unit area over Hz (Slaney)."""
    edges = mel_to_hertz(np.linspace(hertz_to_mel(np.array(low)), hertz_to_mel(np.array(high)), BANDS + 2))
    bins = np.linspace(0, RATE / 2, FFT // 2 + 1)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.maximum(0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))
    return (triangles * 2 / (right - left)).astype(np.float32)


class LogMel:
    """Samples to log10 mel magnitudes. Holds constants only."""

    def __init__(self) -> None:
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
        self._filters = np.ascontiguousarray(filter_bank().T)

    def initial_state(self) -> NDArray[np.float32]:
        """The state before the first sample."""
        return np.zeros(WINDOW - HOP, dtype=np.float32)

    def __call__(self, samples: Floats, state: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """float32 samples in [-1, 1], a multiple of HOP of them, to frames [n, BANDS] and the next state."""
        if len(samples) % HOP:
            raise ValueError(f"need a multiple of {HOP} samples, got {len(samples)}")
        if not len(samples):
            return np.zeros((0, BANDS), np.float32), state
        clean = np.nan_to_num(np.asarray(samples, np.float32), nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
        signal = np.concatenate([state, clean])
        frames = np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::HOP] * self._window
        magnitude = np.abs(np.fft.rfft(frames, FFT)).astype(np.float32)
        return np.log10(np.maximum(magnitude @ self._filters, FLOOR)).astype(np.float32), signal[-(WINDOW - HOP) :]
