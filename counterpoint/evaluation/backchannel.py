"""Backchannels ("uh huh") by the rules of Full-Duplex-Bench v1 (arXiv 2503.04721), written from their description."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterpoint.evaluation.lived import At, Interval

_LONGEST, _SHORT = 3.0, 1.0
_BIN = 0.2

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Backchannels:
    """`takes_over`: as the last short segment decides; `any_takes_over`: whether any segment does. `frequency`: per
    second. `divergence`: Jensen-Shannon distance (natural logarithm) of their times from the reference; 1 without any.
    """

    takes_over: bool
    any_takes_over: bool
    count: int
    frequency: float
    divergence: float


def backchannels(
    segments: Sequence[Interval], words: Sequence[At], seconds: float, reference: Sequence[float]
) -> Backchannels:
    """`segments`: where the model speaks, in order. `reference`: how often people say something there, over the
    recording in bins of any length.
    """
    verdicts: list[bool] = []
    short: list[Interval] = []
    for start, end in sorted(segments):
        if end - start > _LONGEST:
            verdicts.append(True)
            break
        short.append((start, end))
        count = sum(each.time <= end and each.until >= start for each in words)
        verdicts.append(not (end - start < _SHORT and count <= 2))
    takes_over = bool(verdicts) and verdicts[-1]
    return Backchannels(
        takes_over, any(verdicts), len(short), len(short) / seconds, divergence(short, seconds, reference)
    )


def histogram(segments: Sequence[Interval], seconds: float) -> Shares:
    """Shares of bins of 0.2 s: each segment counts in every bin that it touches."""
    bins = np.zeros(int(seconds / _BIN) + 1)
    for start, end in segments:
        bins[int(start / _BIN) : int(end / _BIN) + 1] += 1
    return _shares(bins)


def divergence(segments: Sequence[Interval], seconds: float, reference: Sequence[float]) -> float:
    """1 without a segment, which is worse than the farthest that is possible (0.83)."""
    if not segments:
        return 1.0
    ours = histogram(segments, seconds)
    places = np.linspace(0, 1, len(ours))
    theirs = _shares(np.interp(places, np.linspace(0, 1, len(reference)), np.asarray(reference, np.float64)))
    middle = (ours + theirs) / 2
    return float(np.sqrt(max(0.0, (_relative(ours, middle) + _relative(theirs, middle)) / 2)))


def _shares(bins: Shares) -> Shares:
    raised = bins + 1e-10
    return raised / raised.sum()


def _relative(of: Shares, to: Shares) -> float:
    return float(np.sum(of * np.log(of / to)))
