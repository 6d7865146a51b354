"""Counting repetitions: the rules of RepCount-A, and of the spoken protocol.

Spoken: the last number said after the end of the penultimate repetition counts, right if within one. Measures as in
TransRAC (arXiv 2204.01018): OBO, the share that is off by one at most, and MAE, |predicted - true| / (true + 0.1).
"""

from collections.abc import Sequence

from counterpoint.evaluation.lived import At
from counterpoint.evaluation.spelling import numbers


def cut_off(cycles: Sequence[tuple[float, float]]) -> float:
    """From when on a number counts: the end of the penultimate cycle; 0 where there is but one."""
    ordered = sorted(cycles)
    return ordered[-2][1] if len(ordered) > 1 else 0.0


def last_number(said: Sequence[At], since: float) -> int | None:
    """The last number whose words begin after a moment; None if there is none."""
    found = numbers(each.word for each in said if each.time > since)
    return found[-1] if found else None


def off_by_one(predicted: int | None, true: int) -> bool:
    return predicted is not None and abs(predicted - true) <= 1


def error(predicted: int | None, true: int) -> float:
    """One item's share of the MAE; who says no number has counted 0."""
    return abs((predicted or 0) - true) / (true + 0.1)
