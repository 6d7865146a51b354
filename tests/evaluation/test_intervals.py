"""Intervals contain the figure and shrink with more items."""

from __future__ import annotations

from counterpoint.evaluation.intervals import mean, ratio


def test_a_ratio_is_weighted_by_its_totals() -> None:
    found = ratio([1, 9], [10, 10])
    assert found.value == 0.5
    assert found.count == 20


def test_more_items_narrow_the_interval() -> None:
    few, many = mean([0, 1] * 10), mean([0, 1] * 500)
    assert None not in (few.low, few.high, many.low, many.high)
    assert few.low < 0.5 < few.high
    assert many.high - many.low < (few.high - few.low) / 3


def test_nothing_to_count_has_no_value() -> None:
    found = ratio([], [])
    assert found.value is None
    assert str(found) == "-"
