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
    from training.run import parts_of

    understood, said = [], []
    parts = parts_of(batch)
    for part in parts:
        with torch.autocast(batch.target.device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
            heard, spoken = model(part.inputs)
        understood.append(heard.argmax(-1))
        said.append(spoken.argmax(-1))
    order = torch.cat([torch.arange(first, len(batch.target), len(parts)) for first in range(len(parts))]).argsort()
    heard, spoken = torch.cat(understood)[order], torch.cat(said)[order]
    chosen = (torch.rand(len(order)) < share).to(heard.device)
    target = batch.target.clone()
    for row in chosen.nonzero().flatten().tolist():
        target[row] = torch.from_numpy(relabel(spoken[row].cpu().numpy(), batch.demands[row])).to(target.device)
    back = torch.cat([torch.zeros_like(spoken[:, :1]), spoken[:, :-1]], 1)
    hears = (chosen & batch.inputs.hears)[:, None]
    inputs = replace(
        batch.inputs,
        understood=torch.where(hears, heard, batch.inputs.understood),
        said=torch.where(chosen[:, None], back, batch.inputs.said),
    )
    return replace(batch, inputs=inputs, target=target)


def relabel(said: np.ndarray, demands: list[Demand]) -> np.ndarray:
    """The oracle's token of every beat, given what was really said before it."""
    oracle = Oracle(demands)
    return np.array([oracle(beat, said) for beat in range(len(said))], dtype=np.int64)
