"""A tiny model begins to see within seconds: what a picture shows, and when to say so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn.dmel import Levels
from counterpoint.interaction.nn.model import Config
from training import glimpses, watching
from training.bodies import View
from training.feed import streams_of
from training.pictures import Film, Repetition, Thing
from training.streams import Collated, collate
from training.trainer import STAGES, Trainer

TINY = Config(width=64, layers=2, heads=4, inner=128, bands=16)
LEVELS = Levels(TINY.low, TINY.high, TINY.levels)


def batch(seed: int) -> Collated:
    random = np.random.default_rng(seed)
    return collate(streams_of(3, 60, {"calling": 1.0}, None, LEVELS, random), random, 0.0)


def test_seeing_is_learned_from_bare_words_and_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Film(view=View(turn=25))
    monkeypatch.setattr(watching, "film", lambda *_given, **_named: plain)  # one room: seconds must do
    torch.set_num_threads(1)
    trainer = Trainer(tmp_path, TINY, seed=0)
    learn = trainer.learn(STAGES[2], trainer.model)
    first: dict[str, float] = {}
    for step in range(32):
        found = learn([batch(step)], 0.0)
        trainer.optimisers.step(min(1.0, (step + 1) / 20))
        first = first or found
    assert found["seen said"] < 0.3 * first["seen said"]
    assert found["seen glimpses"] < 0.5 * first["seen glimpses"]
    new = batch(10_000)
    with torch.no_grad():
        vectors, _ = trainer.model.eyes(new.inputs.pictures, new.inputs.seen, trainer.model.eyes.begin(3))
    right, another = (
        float(glimpses.loss(vectors, labels, new.inputs.seen)) for labels in (new.glimpses, new.glimpses.roll(1, 0))
    )
    assert right < 0.5 * another, f"it tells what it sees ({right:.2f}) from what another stream shows ({another:.2f})"


def test_what_a_picture_shows_is_known_beat_by_beat() -> None:
    film = Film((Repetition("kick", 0.45, 1.45),), (Thing("hat", "red", 0.9, 1.9, (0.5, 0.5), 0.1),))
    labels = glimpses.shown(film, 12)

    def beats(name: str) -> list[int]:
        return np.flatnonzero(labels[:, glimpses.PLACE[name]]).tolist()

    assert beats("moves") == beats("does kick") == [3, 4, 5, 6, 7]
    assert (beats("has begun"), beats("has ended")) == ([3], [8])
    assert beats("hat there") == beats("red there") == [5, 6, 7, 8, 9]
    assert beats("hat appears") == beats("red appears") == [5]
    assert labels[5, glimpses.PLACE["how far"]] > 0.9


def test_beats_without_a_picture_are_not_asked_what_they_show() -> None:
    vectors = torch.randn(1, 6, 64, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(1, 6, len(glimpses.NAMES))
    seen = torch.tensor([[True, True, True, False, False, False]])
    changed = vectors.clone()
    changed[:, 3:] += 10
    torch.testing.assert_close(glimpses.loss(vectors, labels, seen), glimpses.loss(changed, labels, seen))
    assert glimpses.loss(vectors, labels, torch.zeros_like(seen)) == 0


def test_a_run_from_before_there_were_eyes_goes_on_and_warms_its_momentum_anew(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, TINY, seed=0)
    trainer.step = 500
    trainer.save()
    assert Trainer(tmp_path, TINY, seed=1).warm_from < 0
    state = torch.load(trainer.state_file, weights_only=False)
    state["model"] = {name: value for name, value in state["model"].items() if not name.startswith("eyes.")}
    torch.save(state, trainer.state_file)
    grown = Trainer(tmp_path, TINY, seed=1)
    assert grown.warm_from == grown.step == 500
    torch.testing.assert_close(grown.model.words, trainer.model.words)
