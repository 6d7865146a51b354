"""TimeSpeak and CueSpeak: meaning and moment both, categories weigh alike."""

from __future__ import annotations

import pytest

from counterpoint.evaluation.windows import Expected, Utterance, cuespeak_window, macro, score, timespeak_window


def an_item(category: str = "remind", due: float = 10.0, word: str = "tea") -> Expected:
    return Expected(category, *timespeak_window(due, 5.0), frozenset({word}))


def test_the_right_word_at_the_right_time_counts() -> None:
    assert score([an_item()], [Utterance(10.3, ("tea",))], strict=True) == [("remind", True)]


def test_the_right_word_too_late_and_the_wrong_word_in_time_do_not() -> None:
    assert score([an_item()], [Utterance(10.7, ("tea",))], strict=False) == [("remind", False)]
    assert score([an_item()], [Utterance(10.0, ("coffee",))], strict=False) == [("remind", False)]


def test_an_utterance_outside_every_window_fails_the_strict_score_only() -> None:
    said = [Utterance(3.0, ("what",)), Utterance(10.0, ("tea",))]
    assert score([an_item()], said, strict=False) == [("remind", True)]
    assert score([an_item()], said, strict=True) == [("remind", False)]


def test_windows() -> None:
    assert timespeak_window(10.0, 5.0) == pytest.approx((9.4, 10.6))
    assert timespeak_window(60.0, 60.0) == pytest.approx((57.0, 63.0))
    assert cuespeak_window(4.0) == pytest.approx((3.8, 5.0))


def test_categories_weigh_alike() -> None:
    assert macro([("a", True), ("a", True), ("a", True), ("b", False)]) == 0.5
    assert macro([]) is None
