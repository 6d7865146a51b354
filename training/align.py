"""Word times for a synthesizer that gives none: dynamic time warping against a clip of the same text whose times are known."""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

from counterpoint.interaction.nn.dmel import HOP, RATE, LogMel
from training.voices import Clip, _clip

_MEL = LogMel()
LIMIT = 5.5  # mean distance of a path above which the clips are taken to differ


def _features(samples: np.ndarray) -> np.ndarray:
    """Cepstra 0-12 and their slopes, mean removed: [frames, 26]."""
    padded = np.pad(samples, (0, -len(samples) % HOP))
    frames, _ = _MEL(padded, _MEL.initial_state())
    cepstra = dct(np.maximum(frames, -3), axis=1, norm="ortho")[:, :13]
    level = cepstra - cepstra.mean(0)
    level[:, 0] *= 0.3
    both = np.concatenate([level, np.gradient(level, axis=0)], axis=1)
    return both


def warp(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, float]:
    """For each source frame the matching target frame, and the mean distance along the path. Symmetric steps, Euclidean distance."""
    cost = np.sqrt(np.maximum(0, (source**2).sum(1)[:, None] + (target**2).sum(1)[None] - 2 * source @ target.T))
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0
    for diagonal in range(rows + columns - 1):
        i = np.arange(max(0, diagonal - columns + 1), min(rows, diagonal + 1))
        j = diagonal - i
        best = np.minimum(np.minimum(total[i, j] + cost[i, j], total[i, j + 1]), total[i + 1, j])
        total[i + 1, j + 1] = best + cost[i, j]
    path = np.zeros(rows, dtype=int)
    i, j = rows - 1, columns - 1
    while i >= 0 and j >= 0:
        path[i] = max(path[i], j)
        steps = (total[i, j] + cost[i, j], total[i, j + 1], total[i + 1, j])
        move = int(np.argmin(steps))
        i, j = (i - 1, j - 1) if move == 0 else (i - 1, j) if move == 1 else (i, j - 1)
    return path, float(total[rows, columns] / (rows + columns))


def align(reference: Clip, samples: np.ndarray) -> Clip | None:
    """`samples` say what `reference` says: its clip with the word ends carried over, or None where the two do not fit."""
    trimmed = _clip(reference.words, [0.0] * len(reference.words), samples).samples
    if len(trimmed) < RATE // 5:
        return None
    path, distance = warp(_features(reference.samples), _features(trimmed))
    if distance > LIMIT:
        return None
    ends = [float(path[min(len(path) - 1, int(end * RATE / HOP))] + 1) * HOP / RATE for end in reference.ends]
    ends[-1] = min(max(ends[-1], len(trimmed) / RATE - 0.1), len(trimmed) / RATE)
    return Clip(reference.words, tuple(ends), trimmed)
