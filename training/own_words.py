"""The model's own understanding fed back: a second pass sees, in a share of the streams, the words that the first pass took the person to say."""

from __future__ import annotations

from dataclasses import replace

import torch

from counterpoint.interaction.nn.model import InteractionNet
from training.streams import Collated


@torch.no_grad()
def feed_back(model: InteractionNet, batch: Collated, precision: torch.dtype, share: float = 0.5) -> Collated:
    """Replaces the fed-back U of a share of the streams by the model's own. What it said stays the oracle's.

    Feeding back its own Y of a pass that was not free-running was tried and undone: a word missed in a fixed history is missed in every later beat as
    well, so the relabelled targets ask for it again and again, and the model learns to babble (loss of Y from .6 to 1.9 within 40 steps).
    """
    rows = (
        ((torch.rand(len(batch.target)) < share) & batch.inputs.hears.cpu()).nonzero().flatten().to(batch.target.device)
    )
    if not len(rows):
        return batch
    inputs = replace(batch.inputs, **{name: value[rows] for name, value in vars(batch.inputs).items()})
    with torch.autocast(batch.target.device.type, torch.bfloat16, enabled=precision == torch.bfloat16):
        understood, _ = model(inputs)
    heard = batch.inputs.understood.clone()
    heard[rows] = understood.argmax(-1)
    return replace(batch, inputs=replace(batch.inputs, understood=heard))
