"""RepCount, start and stop, and spoken numbers: the rules by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from counterpoint.evaluation.lived import At
from counterpoint.evaluation.repcount import cut_off, error, last_number, off_by_one
from counterpoint.evaluation.spelling import alike, number_words, numbers, plain
from counterpoint.evaluation.startstop import overlap, said_span

CYCLES = [(1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]


def test_the_last_number_after_the_penultimate_repetition_counts() -> None:
    said = [At(2.1, "one"), At(3.0, "two"), At(3.9, "three"), At(4.5, "done")]
    assert cut_off(CYCLES) == 3.0
    assert last_number(said, cut_off(CYCLES)) == 3
    assert last_number(said[:2], cut_off(CYCLES)) is None
    assert cut_off(CYCLES[:1]) == 0


def test_a_count_is_right_within_one_and_no_number_is_wrong() -> None:
    assert [off_by_one(count, 3) for count in (1, 2, 3, 4, 5, None)] == [False, True, True, True, False, False]
    assert error(6, 4) == pytest.approx(2 / 4.1)
    assert error(None, 4) == pytest.approx(4 / 4.1)


def test_numbers_of_several_words_are_one() -> None:
    assert numbers(["twenty", "one", "two"]) == [21, 2]
    assert numbers(["one", "hundred", "and", "five", "six"]) == [105, 6]
    assert numbers(["one", "two", "three"]) == [1, 2, 3]
    assert numbers(["twenty", "eleven"]) == [20, 11]
    assert numbers(["hundred", "ball"]) == [100]


@settings(deadline=None)  # the machine may be busy
@given(some.integers(0, 999))
def test_a_number_that_is_said_is_understood(number: int) -> None:
    assert numbers(plain(" ".join(number_words(number)))) == [number]
    assert plain(str(number)) == plain(" ".join(number_words(number)))


def test_words_are_compared_as_they_sound() -> None:
    assert plain("To the Sea, at 7.") == plain("two the see at seven")
    assert plain("it's o’clock") == ["it's", "o'clock"]
    assert set(alike("two")) == {"two", "to", "too", "2"}
    assert plain("") == plain("... !") == []


def test_lag_on_both_edges_costs_as_the_formula_says() -> None:
    said = [At(1.4, "start"), At(6.4, "stop")]
    assert overlap(said_span(said), (1.0, 6.0)) == pytest.approx((5 - 0.4) / (5 + 0.4))


def test_without_start_or_stop_there_is_no_overlap() -> None:
    assert overlap(said_span([]), (1.0, 6.0)) == 0
    assert overlap(said_span([At(2.0, "stop"), At(3.0, "start")]), (1.0, 6.0)) == 0
    assert overlap((7.0, 8.0), (1.0, 6.0)) == 0


@settings(deadline=None)  # the machine may be busy
@given(some.floats(0, 10), some.floats(0, 10), some.floats(0, 10), some.floats(0, 10))
def test_the_overlap_is_a_share_and_the_same_both_ways(a: float, b: float, c: float, d: float) -> None:
    one, other = (min(a, b), max(a, b)), (min(c, d), max(c, d))
    assert 0 <= overlap(one, other) <= 1 + 1e-9
    assert overlap(one, other) == pytest.approx(overlap(other, one))
