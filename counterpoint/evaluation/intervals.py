"""95 % intervals by resampling whole items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A share with its 95 % interval; `count`: what it was counted over. All None where there was nothing to count."""

    value: float | None
    low: float | None
    high: float | None
    count: float

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        return f"{self.value:.3f} [{self.low:.2f}, {self.high:.2f}]"


def ratio(hits: Sequence[float], totals: Sequence[float], *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """sum(hits) / sum(totals) over items, with a percentile bootstrap that resamples items."""
    top, bottom = np.asarray(hits, dtype=float), np.asarray(totals, dtype=float)
    count = float(bottom.sum())
    if count == 0:
        return Estimate(None, None, None, 0)
    chosen = np.random.default_rng(seed).integers(0, len(top), (resamples, len(top)))
    below = bottom[chosen].sum(1)
    drawn = top[chosen].sum(1)[below > 0] / below[below > 0]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(top.sum() / count), float(low), float(high), count)


def mean(values: Sequence[float], *, resamples: int = 1000, seed: int = 0) -> Estimate:
    """The mean over items and its interval."""
    return ratio(values, [1.0] * len(values), resamples=resamples, seed=seed)
