"""The oracle scores 1 everywhere and silence 0, on streams of every task."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoint.interaction.nn.dmel import Levels
from training.evaluate import Counts, score_behind_turns, score_stream, unseen_streams
from training.streams import Stream
from training.tasks import TASKS


@pytest.fixture(scope="module")
def streams() -> list[Stream]:
    return [s for task in TASKS for s in unseen_streams(None, "text", task, 6, 128, Levels(), held=False)]


def test_the_oracle_scores_one(streams: list[Stream]) -> None:
    counts = Counts()
    for stream in streams:
        score_stream(stream, stream.understood, stream.target, counts)
    for name, found in counts.estimates().items():
        if name == "false emissions per stream":
            assert found.value == 0
        elif found.value is not None:
            assert found.value >= 0.99, name


def test_silence_scores_nothing_and_says_nothing_false(streams: list[Stream]) -> None:
    counts = Counts()
    for stream in streams:
        silent = np.zeros_like(stream.target)
        score_stream(stream, silent, silent, counts)
    for name, found in counts.estimates().items():
        assert found.value in (0, None), name


def test_a_perfect_model_behind_turns_loses_most_cues(streams: list[Stream]) -> None:
    counts = Counts()
    for stream in streams:
        score_behind_turns(stream, stream.target, counts)
    found = counts.estimates()["cue exact, behind turns"].value
    assert found is not None
    assert found < 0.5
