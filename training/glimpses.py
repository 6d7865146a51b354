"""What is to be seen in every picture, asked of the eyes while they are trained with everything else.

Words are due a few times a stream; what a picture shows is known in every beat. The eyes' vectors are read in fixed random directions, so nothing is added
to the model, and what they have seen lies where the trunk can find it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.bodies import MOVEMENTS
from training.pictures import COLOURS, FRAME_SECONDS, THINGS, Film, moved

NAMES = (
    "moves", "how far", "has begun", "has ended", *(f"does {name}" for name in MOVEMENTS), *(f"{name} there" for name in (*THINGS, *COLOURS)),
    *(f"{name} appears" for name in (*THINGS, *COLOURS)),
)  # fmt: skip
PLACE = {name: place for place, name in enumerate(NAMES)}
GAIN, RARE = 4.0, -2.0
"""Of the logits; before anything is learned most is taken not to be there."""


def shown(film: Film, beats: int) -> np.ndarray:
    """float32 [beats, names], 0 to 1: what the beat's picture shows, or shows for the first time."""
    times = np.arange(beats) * FRAME_SECONDS + film.offset
    found = np.zeros((beats, len(NAMES)), np.float32)

    def mark(name: str, when: np.ndarray) -> None:
        found[when, PLACE[name]] = 1

    for each in film.repetitions:
        during = (times > each.begin) & (times < each.end)
        mark("moves", during)
        mark(f"does {each.movement}", during)
        mark("has begun", _since(each.begin, times))
        mark("has ended", _since(each.end, times))
        found[:, PLACE["how far"]] += moved(times, each).astype(np.float32)
    for thing in film.things:
        for name in (thing.kind, thing.colour):
            mark(f"{name} there", (times >= thing.begin) & (times < thing.end))
            mark(f"{name} appears", _since(thing.begin, times))
    return found


def _since(moment: float, times: np.ndarray) -> np.ndarray:
    return (times >= moment) & (times < moment + FRAME_SECONDS)


@cache
def directions(width: int) -> Tensor:
    """[width, names], orthogonal, the same every time."""
    made = torch.Generator().manual_seed(len(NAMES))
    return torch.linalg.qr(torch.randn(width, len(NAMES), generator=made)).Q


def loss(vectors: Tensor, labels: Tensor, seen: Tensor) -> Tensor:
    """Cross entropy of what the vectors [B, T, width] say with the labels [B, T, names], over the beats that were seen."""
    logits = vectors.float() @ directions(vectors.shape[-1]).to(vectors.device) * GAIN + RARE
    each = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none").sum(-1)
    return (each * seen).sum() / seen.sum().clamp(min=1)


@contextmanager
def caught(eyes: nn.Module) -> Iterator[list[Tensor]]:
    """The vectors that the eyes make meanwhile."""
    found: list[Tensor] = []
    hook = eyes.register_forward_hook(lambda _eyes, _given, made: found.append(made[0]))
    try:
        yield found
    finally:
        hook.remove()
