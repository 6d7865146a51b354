"""Oracle scores 1, silence 0, and chance is counted against."""

from __future__ import annotations

from counterpoint.evaluation.events import Said, in_order, match, recall, stopped_by

EXPECTED = [Said(10, "ball"), Said(20, "cup"), Said(21, "cup")]


def test_the_oracle_meets_every_expectation_and_says_nothing_else() -> None:
    found = match(EXPECTED, EXPECTED)
    assert found.exact == (True, True, True)
    assert found.false == 0


def test_silence_meets_nothing() -> None:
    found = match(EXPECTED, [])
    assert found.exact == found.fired == (False, False, False)


def test_the_window_reaches_from_one_beat_before_to_two_after() -> None:
    verdicts = [match([Said(10, "ball")], [Said(beat, "ball")]).exact[0] for beat in range(8, 14)]
    assert verdicts == [False, True, True, True, True, False]


def test_a_wrong_word_at_the_right_time_fires_and_is_false() -> None:
    found = match([Said(10, "ball")], [Said(10, "dog")])
    assert (found.exact, found.fired, found.false) == ((False,), (True,), 1)


def test_one_emission_serves_one_expectation() -> None:
    assert match(EXPECTED, [Said(21, "cup")]).exact == (False, True, False)


def test_recall_allows_one_beat_to_either_side() -> None:
    assert recall(EXPECTED, [Said(11, "ball"), Said(18, "cup"), Said(22, "cup")]) == (True, False, True)


def test_stopping_has_two_beats_of_grace() -> None:
    assert stopped_by([Said(12, "one")], 10, 30)
    assert not stopped_by([Said(13, "one")], 10, 30)


def test_a_result_counts_only_word_for_word() -> None:
    said = [Said(5, "ten"), Said(7, "fourteen")]
    assert in_order(["ten", "fourteen"], said, 4, 12)
    assert not in_order(["ten", "forty"], said, 4, 12)
    assert not in_order(["ten"], said, 4, 12)
