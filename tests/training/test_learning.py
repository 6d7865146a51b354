"""A tiny model begins to hear within seconds on a machine with nothing but PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn.dmel import Levels
from counterpoint.interaction.nn.model import Config
from training.bank import Bank
from training.evaluate import Counts, run_free, score_stream
from training.feed import Feed, Recipe, streams_of
from training.muon import orthogonalise
from training.streams import Room, collate
from training.trainer import STAGES, Trainer

TINY = Config(width=64, layers=2, heads=4, inner=128, bands=16)
LEVELS = Levels(TINY.low, TINY.high, TINY.levels)
TALK = {"chatter": 1.0}


def test_hearing_is_learned_and_survives_a_restart(bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Room, "draw", staticmethod(lambda rng: Room()))  # a quiet room: seconds must do
    torch.set_num_threads(1)
    trainer = Trainer(tmp_path, TINY, seed=0)
    learn = trainer.learn(STAGES[1], trainer.model)
    first, accuracy = None, 0.0
    for step in range(110):
        random = np.random.default_rng(step)
        found = learn([collate(streams_of(8, 32, TALK, bank, LEVELS, random), random)], 0.0)
        trainer.optimisers.step(min(1.0, (step + 1) / 20))
        first = first or found["heard"]
        accuracy = 0.9 * accuracy + 0.1 * found["words"]
    assert found["heard"] < 0.5 * first
    assert accuracy > 0.15, f"hears {accuracy:.2f} of the words, chance is under .02"
    trainer.step = 110
    trainer.save()

    again = Trainer(tmp_path, TINY, seed=1)
    assert again.step == 110
    for one, other in zip(trainer.model.parameters(), again.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    streams = streams_of(8, 32, TALK, bank, LEVELS, np.random.default_rng(10_000))
    counts = Counts()
    for stream, understood, said in zip(streams, *run_free(again.model.eval(), streams), strict=True):
        score_stream(stream, understood, said, counts)
    heard = counts.estimates()["words"].value
    assert heard is not None
    assert heard > 0.1, f"running free it hears {heard:.2f}"


def test_a_stage_that_has_had_its_steps_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = Trainer(tmp_path, TINY, seed=0)
    trainer.stage_steps[2] = 7
    trainer.run(2, 7, tmp_path)
    assert "has had its 7 steps: nothing to do; --steps or --minutes asks for more" in capsys.readouterr().out


def test_batches_depend_on_seed_step_and_worker_only() -> None:
    recipe = Recipe(audio=0, text=4, text_beats=48)
    one, same = (Feed(recipe, None, LEVELS, seed=3).batches(17)[0] for _ in range(2))
    other = Feed(recipe, None, LEVELS, seed=3, rank=1).batches(17)[0]
    assert torch.equal(one.inputs.understood, same.inputs.understood)
    assert torch.equal(one.target, same.target)
    assert not torch.equal(one.target, other.target)


def test_a_task_may_take_up_all_the_bare_words() -> None:
    feed = Feed(Recipe(audio=0, text=4, mix={"brisk delegation": 1.0}), None, Levels(), seed=0)
    assert feed.batches(0)[0].tasks == ["brisk delegation"] * len(feed.batches(0)[0].tasks)


def test_orthogonalising_makes_singular_values_near_one() -> None:
    torch.manual_seed(0)
    for shape in ((2, 64, 32), (2, 32, 64)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape), steps=6))
        assert 0.5 < float(values.min()) <= float(values.max()) < 1.4
