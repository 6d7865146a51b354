"""The oracle scores 1 everywhere and silence 0, on streams of every task."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn.dmel import Levels
from counterpoint.interaction.nn.model import Config, InteractionNet
from training.evaluate import SEEN_TASKS, Counts, run_free, score_behind_turns, score_stream, unseen_streams
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


@pytest.mark.parametrize("family", ["seen", "seen-kinds", "seen-views"])
def test_the_oracle_scores_one_on_streams_with_a_camera_and_pictures_reach_the_model(family: str) -> None:
    streams = [s for task in SEEN_TASKS for s in unseen_streams(None, family, task, 3, 100, Levels(), held=False)]
    counts = Counts()
    for stream in streams:
        score_stream(stream, stream.understood, stream.target, counts)
    found = counts.estimates()
    for name in ("tally exact", "call exact", "sight told exactly"):
        assert found[name].value == 1, name
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = InteractionNet(Config(width=32, layers=1, heads=4, inner=32, bands=8)).eval()
    torch.nn.init.normal_(model.eyes.out.weight)
    _, seeing = run_free(model, streams[:2])
    _, blind = run_free(model, [replace(s, pictures=None, seen=None) for s in streams[:2]])
    assert not np.array_equal(seeing, blind)


def test_a_perfect_model_behind_turns_loses_most_cues(streams: list[Stream]) -> None:
    counts = Counts()
    for stream in streams:
        score_behind_turns(stream, stream.target, counts)
    found = counts.estimates()["cue exact, behind turns"].value
    assert found is not None
    assert found < 0.5
