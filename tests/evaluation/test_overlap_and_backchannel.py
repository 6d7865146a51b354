"""The tagger of what a model does while others speak, and the rules for backchannels, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.spatial.distance import jensenshannon

from counterpoint.evaluation.backchannel import backchannels, divergence, histogram
from counterpoint.evaluation.lived import At
from counterpoint.evaluation.overlap import Tag, content, tag

CLEAN = ["once", "there", "was", "a", "little", "dog", "and", "it", "went", "home"]
SPAN = (3.0, 4.0)
ABOUT = {"five", "seven"}


def said(*phrases: tuple[float, str]) -> list[At]:
    return [
        At(time + 0.3 * n, word, time + 0.3 * n + 0.25) for time, text in phrases for n, word in enumerate(text.split())
    ]


STORY = (1.8, "there was a little")


@pytest.mark.parametrize(
    ("phrases", "wanted"),
    [
        ([STORY, (4.6, "it is seven")], Tag.RESPOND),
        ([STORY, (4.6, "the dog went home")], Tag.RESUME),
        ([STORY, (4.6, "could you repeat that")], Tag.UNCERTAIN),
        ([STORY, (4.6, "the weather in rome")], Tag.UNKNOWN),
        ([STORY, (4.6, "uh huh")], Tag.UNKNOWN),
        ([STORY], Tag.UNKNOWN),
        ([], Tag.UNKNOWN),
        ([(4.6, "little seven dog")], Tag.RESUME),  # more of its own than of the overlap
    ],
)
def test_the_first_new_utterance_decides(phrases: list[tuple[float, str]], wanted: Tag) -> None:
    assert tag(said(*phrases), CLEAN, SPAN, ABOUT) is wanted


def test_speech_that_runs_on_is_unknown_by_the_letter_and_resumes_by_default() -> None:
    running = said((1.8, "once there was a little dog and it went home"))
    assert tag(running, CLEAN, SPAN, ABOUT) is Tag.RESUME
    assert tag(running, CLEAN, SPAN, ABOUT, lenient=False) is Tag.UNKNOWN


def test_an_answer_after_running_on_is_an_answer() -> None:
    running = said((1.8, "once there was a little dog and it went home"), (5.5, "seven"))
    assert tag(running, CLEAN, SPAN, ABOUT) is Tag.RESPOND


def test_content_words_carry_meaning() -> None:
    assert content(["what", "is", "the", "dog"]) == {"dog"}


def words(*starts: float) -> list[At]:
    return [At(start, "uh", start + 0.2) for start in starts]


def test_a_short_murmur_is_a_backchannel_and_no_take_over() -> None:
    found = backchannels([(2.0, 2.5)], words(2.0, 2.25), 10.0, [1.0])
    assert (found.takes_over, found.count, found.frequency) == (False, 1, pytest.approx(0.1))


def test_long_segments_and_many_words_take_over() -> None:
    assert backchannels([(2.0, 5.1)], [], 10.0, [1.0]).takes_over
    assert backchannels([(2.0, 5.1)], [], 10.0, [1.0]).count == 0
    assert backchannels([(2.0, 4.0)], words(2.0), 10.0, [1.0]).takes_over
    assert backchannels([(2.0, 2.8)], words(2.0, 2.2, 2.4), 10.0, [1.0]).takes_over


def test_the_last_short_segment_overwrites_and_a_long_one_ends_the_scan() -> None:
    quirk = backchannels([(1.0, 2.5), (4.0, 4.4)], words(4.0), 10.0, [1.0])
    assert (quirk.takes_over, quirk.any_takes_over, quirk.count) == (False, True, 2)
    ended = backchannels([(1.0, 4.5), (6.0, 6.4)], words(6.0), 10.0, [1.0])
    assert (ended.takes_over, ended.count) == (True, 0)


def test_silence_has_no_take_over_and_the_worst_divergence() -> None:
    found = backchannels([], [], 10.0, [1.0])
    assert (found.takes_over, found.count, found.frequency, found.divergence) == (False, 0, 0.0, 1.0)


def test_divergence_is_none_where_people_murmur_and_greatest_where_they_do_not() -> None:
    reference = [1.0 if n == 5 else 0.0 for n in range(11)]  # ten bins of 0.2 s and one more, as the rule has it
    assert divergence([(1.0, 1.1)], 2.0, reference) == pytest.approx(0, abs=1e-4)
    assert divergence([(0.2, 0.3)], 2.0, reference) == pytest.approx(np.sqrt(np.log(2)), abs=1e-3)


@settings(deadline=None)  # the machine may be busy
@given(
    some.lists(some.tuples(some.floats(0, 9), some.floats(0, 0.9)), min_size=1, max_size=5),
    some.lists(some.floats(0, 1), min_size=1, max_size=30),
)
def test_the_divergence_is_that_of_scipy(starts: list[tuple[float, float]], reference: list[float]) -> None:
    segments = [(start, start + length) for start, length in starts]
    ours = histogram(segments, 10.0)
    theirs = np.interp(np.linspace(0, 1, len(ours)), np.linspace(0, 1, len(reference)), reference) + 1e-10
    assert divergence(segments, 10.0, reference) == pytest.approx(float(jensenshannon(ours, theirs)), abs=1e-5)
