"""A turn-taking harness holds words back until the person has been silent."""

from __future__ import annotations

from counterpoint.evaluation.baselines import behind_turns


def test_words_wait_until_the_silence_has_lasted() -> None:
    said = [0, 7, 0, 0, 0, 0, 0, 8]
    speaking = [True, True, True, False, False, False, False, False]
    assert behind_turns(said, speaking) == [0, 0, 0, 0, 0, 7, 0, 8]


def test_a_person_who_never_pauses_is_never_answered() -> None:
    assert behind_turns([1, 2, 3], [True, True, True]) == [0, 0, 0]
