"""The worked examples of the two benchmarks' descriptions."""

from __future__ import annotations

import pytest

from counterpoint.evaluation.duplex import merge, response_latencies, since, stop_latencies, takes_over, turn_latency
from counterpoint.evaluation.lived import At


def spoken(*starts: float) -> list[At]:
    return [At(start, "word", start + 0.3) for start in starts]


def test_silence_and_a_short_murmur_are_no_take_over() -> None:
    assert not takes_over([])
    assert not takes_over(spoken(1.0, 1.3))
    assert takes_over(spoken(1.0, 1.1, 1.2, 1.3))
    assert takes_over(spoken(1.0, 2.0))


def test_latency_is_counted_from_the_persons_last_word_and_never_negative() -> None:
    assert turn_latency(spoken(3.36, 3.7, 4.2), 2.01) == pytest.approx(1.35)
    assert turn_latency(spoken(1.0, 3.0), 2.01) == 0
    assert turn_latency([], 2.01) is None


def test_words_before_the_end_of_an_interruption_do_not_count() -> None:
    assert turn_latency(since(spoken(12.0, 17.224, 18.4), 13.144), 13.144) == pytest.approx(4.08)


def test_stop_latency_is_the_overlap() -> None:
    assert stop_latencies([(3.486, 6.0)], [(1.0, 4.834)]) == pytest.approx([1.348])
    assert stop_latencies([(1.0, 2.0)], [(3.0, 4.0)]) == []


def test_response_latency_is_the_next_start() -> None:
    assert response_latencies([(3.0, 4.834)], [(5.2, 6.0)]) == pytest.approx([0.366])
    assert response_latencies([(1.0, 2.0), (3.0, 4.0)], [(5.0, 6.0)]) == pytest.approx([1.0])


def test_segments_close_together_are_one() -> None:
    assert merge([(0.0, 1.0), (1.4, 2.0), (3.0, 4.0)], 0.5) == [(0.0, 2.0), (3.0, 4.0)]
