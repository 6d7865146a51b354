"""The model's own words fed back: a second pass sees what the first understood and said, and the oracles say what is right given that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from counterpoint.interaction.nn.model import InteractionNet
from training.scene import Demand, Oracle
from training.streams import Collated


@torch.no_grad()
def feed_back(model: InteractionNet, batch: Collated, precision: torch.dtype, share: float = 0.5) -> Collated:
    """Replaces the fed-back U and Y of a share of the streams by the model's own; Y's targets follow the oracle for that history."""
    rows = (torch.rand(len(batch.target)) < share).nonzero().flatten()
    if not len(rows):
        return batch
    inputs = replace(batch.inputs, **{name: value[rows] for name, value in vars(batch.inputs).items()})
    with torch.autocast(batch.target.device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
        understood, said = (logits.argmax(-1) for logits in model(inputs))
    target, heard, back = batch.target.clone(), batch.inputs.understood.clone(), batch.inputs.said.clone()
    heard[rows] = torch.where(inputs.hears[:, None], understood, inputs.understood)
    back[rows] = torch.cat([torch.zeros_like(said[:, :1]), said[:, :-1]], 1)
    for row, words in zip(rows.tolist(), said.cpu().numpy(), strict=True):
        target[row] = torch.from_numpy(relabel(words, batch.demands[row])).to(target.device)
    return replace(batch, inputs=replace(batch.inputs, understood=heard, said=back), target=target)


def relabel(said: np.ndarray, demands: list[Demand]) -> np.ndarray:
    """The oracle's token of every beat, given what was really said before it."""
    oracle = Oracle(demands)
    return np.array([oracle(beat, said) for beat in range(len(said))], dtype=np.int64)
