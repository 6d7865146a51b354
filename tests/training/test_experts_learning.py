"""A mixture is trained: nobody starves, each expert is a matrix to Muon, and a dense state goes on as a mixture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from counterpoint.interaction.nn.dmel import Levels
from counterpoint.interaction.nn.model import Config
from training.feed import Feed, Recipe
from training.muon import Muon, Optimisers
from training.streams import Collated
from training.trainer import STAGES, Trainer

DENSE = Config(width=64, layers=2, heads=4, inner=128, bands=16)
MIXED = replace(DENSE, experts=16, chosen=4, shared=64)


@pytest.fixture(scope="module")
def batches() -> list[list[Collated]]:
    torch.set_num_threads(1)
    feed = Feed(
        Recipe(audio=0, text=8, text_beats=48), None, Levels(MIXED.low, MIXED.high, MIXED.levels), seed=0, rank=0
    )
    return [feed.batches(step) for step in range(4)]


def test_no_expert_starves(batches: list[list[Collated]], tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, MIXED, seed=0)
    learn = trainer.learn(STAGES[0], trainer.model)
    losses, shares = [], []
    for step in range(100):
        losses.append(learn(batches[step % 4], 0.0)["text said"])
        shares.append(torch.stack([balance.grad for balance in trainer.optimisers.balances]) + 1)
        trainer.optimisers.step(0.5 * min(1.0, (step + 1) / 20))
    assert losses[-1] < 0.5 * losses[0]
    early, late = torch.stack(shares[:20]).mean(0), torch.stack(shares[-20:]).mean(0)
    assert float(early.min()) < 0.01, "untrained, all places look alike, and a few experts get everything"
    assert float(late.min()) > 0.03, late
    assert float(late.mean()) == pytest.approx(1.0, abs=1e-4)


def test_a_dense_state_goes_on_as_a_mixture(batches: list[list[Collated]], tmp_path: Path) -> None:
    dense = Trainer(tmp_path, DENSE, seed=0)
    dense.step = 7
    dense.save()
    mixture = Trainer(tmp_path, MIXED, seed=1)
    assert mixture.step == 7
    loss = dense.learn(STAGES[0], dense.model)(batches[0], 0.0)["text said"]
    assert mixture.learn(STAGES[0], mixture.model)(batches[0], 0.0)["text said"] == pytest.approx(loss, rel=1e-2)
    mixture.optimisers.step(1.0)
    mixture.save()
    again = Trainer(tmp_path, MIXED, seed=2)
    for one, other in zip(mixture.model.parameters(), again.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    with pytest.raises(RuntimeError, match="missing or too many"):
        Trainer(tmp_path, DENSE, seed=0)


def test_muon_moves_each_expert_as_a_matrix_of_its_own() -> None:
    torch.manual_seed(0)
    gradients, first = torch.randn(3, 24, 16), torch.randn(3, 24, 16)
    stack = nn.Parameter(first.clone())
    apart = [nn.Parameter(each.clone()) for each in first]
    stack.grad = gradients.clone()
    for parameter, gradient in zip(apart, gradients, strict=True):
        parameter.grad = gradient.clone()
    Muon([stack]).step()
    Muon(apart).step()
    torch.testing.assert_close(stack.detach(), torch.stack([each.detach() for each in apart]))
    assert not torch.equal(stack.detach(), first)


def test_each_parameter_has_one_optimiser(tmp_path: Path) -> None:
    for config in (DENSE, MIXED):
        model = Trainer(tmp_path / str(config.experts), config, seed=0).model
        optimisers = Optimisers(model)
        muon = {id(p) for group in optimisers.muon.param_groups for p in group["params"]}
        others, balances = {id(p) for p in optimisers.others}, {id(p) for p in optimisers.balances}
        assert muon | others | balances == {id(p) for p in model.parameters()}
        assert len(muon) + len(others) + len(balances) == len(list(model.parameters()))
        assert len(balances) == (config.layers if config.experts else 0)
