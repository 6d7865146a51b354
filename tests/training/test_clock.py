"""Streams leap over minutes of silence, but never over anything that is timed, said or still remembered wrongly."""

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn.dmel import Levels
from training.clock import REMEMBERED, SHORTEST, clock, quiet_beats
from training.speakers import TextSpeaker
from training.streams import collate, make_stream
from training.tasks import sample

LEVELS = Levels(-4.6, 0.4, 16)


SINKS = 2


def leaps(when: np.ndarray) -> np.ndarray:
    """Where it leaps, but for the leap from the first beats of all."""
    return np.flatnonzero(np.diff(when[SINKS:]) > 1) + 1 + SINKS


@pytest.mark.parametrize("task", ["cue", "brisk cue", "chatter", "dictation"])
def test_a_leap_is_made_where_nobody_speaks_and_nothing_is_owed(task: str) -> None:
    rng = np.random.default_rng(3)
    made = 0
    for _ in range(40):
        scene = sample(rng, task, lambda: TextSpeaker(rng), 128)
        when = clock(scene, rng, 1.0)
        for beat in leaps(when):
            made += 1
            assert when[beat] - when[beat - 1] >= SHORTEST
            assert not scene.speaking()[beat]
            assert not scene.understood()[beat]
            assert scene.target()[beat - 1 : beat + 1].tolist() == [0, 0]
    assert made > 20


def test_a_rule_is_still_remembered_after_its_leap() -> None:
    rng = np.random.default_rng(4)
    for _ in range(40):
        when = clock(sample(rng, "cue", lambda: TextSpeaker(rng), 128), rng, 1.0)
        assert when[-1] - when[SINKS] <= REMEMBERED + 128


@pytest.mark.parametrize("task", ["timed", "repeated", "delegation", "interruption"])
def test_time_runs_on_evenly_where_something_is_timed_or_on_its_way(task: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(10):
        assert not len(leaps(clock(sample(rng, task, lambda: TextSpeaker(rng), 128), rng, 1.0)))


def test_nothing_leaps_unless_it_is_asked_for() -> None:
    rng = np.random.default_rng(6)
    streams = [make_stream(rng, None, "cue", 128, LEVELS) for _ in range(8)]
    assert torch.equal(collate(streams, rng).inputs.clock.diff(dim=1), torch.ones(8, 127, dtype=torch.int64))
    assert (collate(streams, rng, leaps=1.0).inputs.clock.diff(dim=1) > 1).any()


def test_a_scene_without_a_pause_has_no_place_to_leap() -> None:
    rng = np.random.default_rng(7)
    scene = sample(rng, "brisk cue", lambda: TextSpeaker(rng), 128)
    busy = set(range(128)) - set(quiet_beats(scene).tolist())
    assert {placed.labels[0] for placed in scene.placed} <= busy


def test_the_first_beats_of_all_may_lie_half_an_hour_back() -> None:
    rng = np.random.default_rng(8)
    ages = [
        int(np.diff(clock(sample(rng, "timed", lambda: TextSpeaker(rng), 128), rng, 1.0))[SINKS - 1]) for _ in range(60)
    ]
    assert SHORTEST < min(ages) < 300
    assert 4000 < max(ages) <= 9001
