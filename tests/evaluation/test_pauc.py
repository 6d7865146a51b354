"""PAUC: the worked values of its description; silence is exactly a quarter."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from counterpoint.evaluation.pauc import OMEGAS, Asked, Reply, grade, graded, pauc

ASKED = Asked((0.0, 10.0), (0.0, 10.0), (("red", "crimson"), ("ball",)))
RIGHT, PARTLY, WRONG = ("a", "crimson", "ball"), ("red",), ("dog",)


def at(*replies: tuple[float, tuple[str, ...]]) -> list[float]:
    return [pauc(ASKED, [Reply(*each) for each in replies], omega) for omega in OMEGAS]


def test_silence_is_exactly_a_quarter() -> None:
    assert at() == [0.25, 0.25, 0.25]
    assert at((10.5, RIGHT)) == [0.25, 0.25, 0.25]  # too late to count


@pytest.mark.parametrize(
    ("words", "time", "values"),
    [
        (RIGHT, 0.0, [1, 1, 1]),
        (RIGHT, 5.0, [0.625, 0.8125, 1]),
        (RIGHT, 10.0, [0.25, 0.625, 1]),
        (PARTLY, 0.0, [0.5, 0.5, 0.5]),
        (PARTLY, 5.0, [0.375, 0.4375, 0.5]),
        (PARTLY, 10.0, [0.25, 0.375, 0.5]),
        (WRONG, 0.0, [0, 0, 0]),
        (WRONG, 5.0, [0.125, 0.0625, 0]),
        (WRONG, 10.0, [0.25, 0.125, 0]),
    ],
)
def test_one_reply_counts_by_what_it_says_and_when(words: tuple[str, ...], time: float, values: list[float]) -> None:
    assert at((time, words)) == pytest.approx(values)


def test_replies_are_judged_together_with_those_before_them() -> None:
    assert at((2.0, ("red",)), (6.0, ("ball",))) == pytest.approx([0.65, 0.825, 1])
    assert at((0.0, WRONG), (5.0, RIGHT)) == pytest.approx([0.5, 0.75, 1])


def test_the_same_reply_again_changes_nothing() -> None:
    assert at((2.0, RIGHT), (8.0, RIGHT)) == at((2.0, RIGHT))


def test_a_fact_of_several_words_is_said_in_their_order() -> None:
    assert grade(["the", "blue", "car"], [["blue car"]]) == 2
    assert grade(["car", "blue"], [["blue car"]]) == 0


def test_a_worse_score_after_the_related_time_is_left_out() -> None:
    early = Asked((0.0, 4.0), (0.0, 10.0), (("red",),))
    assert graded(early, [Reply(3.0, ("red",)), Reply(7.0, ("dog",))]) == [(3.0, 2), (7.0, 2)]
    late = [Reply(6.0, ("dog",)), Reply(8.0, ("red",))]  # nothing was said in time: nothing can be worse
    assert graded(early, late) == [(6.0, 0), (8.0, 2)]


@settings(deadline=None)  # the machine may be busy
@given(some.lists(some.tuples(some.floats(-2, 12), some.sampled_from([RIGHT, PARTLY, WRONG])), max_size=5))
def test_it_is_a_share_whatever_is_said(replies: list[tuple[float, tuple[str, ...]]]) -> None:
    assert all(0 <= value <= 1 + 1e-9 for value in at(*replies))


@settings(deadline=None)
@given(some.floats(0, 10), some.floats(0, 10))
def test_the_sooner_the_better(one: float, other: float) -> None:
    early, late = sorted((one, other))
    assert pauc(ASKED, [Reply(early, RIGHT)]) >= pauc(ASKED, [Reply(late, RIGHT)]) - 1e-9
