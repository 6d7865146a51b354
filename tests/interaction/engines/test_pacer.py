from hypothesis import given
from hypothesis import strategies as st

from counterpoint.interaction.engines.pacer import Pacer


def spoken_in(pacer: Pacer, beats: int) -> list[int]:
    words: list[int] = []
    for beat in range(beats):
        allowed = pacer.allow(1, begins=beat == 0)
        pacer.said(allowed)
        words.append(allowed)
    return words


def test_the_first_word_comes_at_once_and_the_pace_is_that_of_speech() -> None:
    words = spoken_in(Pacer(0.55), 300)
    assert words[0] == 1
    assert max(words) == 1
    assert 160 <= sum(words) <= 166  # 165 words a minute


@given(st.floats(0.1, 3), st.integers(1, 200))
def test_speech_never_runs_more_than_a_word_ahead(rate: float, beats: int) -> None:
    assert sum(spoken_in(Pacer(rate), beats)) <= rate * beats + 1


def test_what_was_not_said_in_silence_does_not_pile_up() -> None:
    pacer = Pacer(0.55)
    for _ in range(100):
        pacer.allow(1, begins=False)
    assert pacer.allow(1, begins=False) == 1


def test_a_late_step_may_say_the_words_of_all_its_beats() -> None:
    pacer = Pacer(0.55)
    assert pacer.allow(6, begins=True) == 3


def test_a_word_that_was_said_early_is_paid_back() -> None:
    pacer = Pacer(0.5)
    pacer.allow(1, begins=True)
    pacer.said(1)
    pacer.said(1)  # a note broke in before its time
    assert [pacer.allow(1, begins=False) for _ in range(3)] == [0, 0, 1]
