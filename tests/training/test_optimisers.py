"""The optimisers change what was trained, and nothing else."""

from __future__ import annotations

import torch
from torch import nn

from training.muon import Optimisers


def test_parts_that_nothing_was_asked_of_stay_as_they_are() -> None:
    torch.manual_seed(0)
    model = nn.ModuleDict({"ears": nn.Linear(8, 8), "eyes": nn.Linear(8, 8)})
    optimisers = Optimisers(model)

    def step(*asked: str) -> None:
        for name, part in model.items():
            for parameter in part.parameters():
                parameter.grad = torch.randn_like(parameter) * (name in asked)
        optimisers.step(1.0)

    step("ears", "eyes")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for _ in range(3):
        step("ears")
    after = model.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {"ears.weight", "ears.bias"}


def test_a_younger_part_may_learn_faster_than_the_others() -> None:
    def moved(factor: float) -> dict[str, float]:
        torch.manual_seed(0)
        model = nn.ModuleDict({"ears": nn.Linear(8, 8), "eyes": nn.Linear(8, 8)})
        optimisers = Optimisers(model)
        optimisers.hurry(model["eyes"], factor)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        optimisers.step(1.0)
        return {name: float((value - before[name]).norm()) for name, value in model.state_dict().items()}

    plain, hurried = moved(1.0), moved(3.0)
    assert hurried["ears.weight"] == plain["ears.weight"]
    assert 2.9 < hurried["eyes.weight"] / plain["eyes.weight"] < 3.1
