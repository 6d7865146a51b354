"""Eyes: one picture a beat becomes one vector a beat, by patches of 40 x 40 pixels through a hierarchical MLP.

Causal; what it carries from beat to beat is passed in and handed back. Its output begins as nothing, and is nothing
again once no picture has come for five beats: who does not see is as if there were no eyes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.interaction.nn.layers import Deepening, Norm, Residual
from counterpoint.interaction.nn.products import product

PICTURE = 80
"""Pixels a side of what is looked at."""
PATCH = 40
CHANNELS = 4
"""Red, green, blue, and how much lighter than in the picture before."""
STAGES = ((5, 48), (2, 96), (4, 192))
"""Each folds a square of so many places a side into one vector of so many numbers: 40 = 5 * 2 * 4."""
GLANCE = 192
"""Width of what is made of one picture."""
TURNS = 2
"""Residual layers over three neighbouring beats: how things move."""
REACH = 2 * TURNS
"""Beats before a beat that its vector still sees."""

_LUMA = (0.299, 0.587, 0.114)
_MOST = 240


@dataclass(frozen=True)
class Sight:
    """What B streams carry from beat to beat."""

    glances: Tensor
    """[B, REACH, GLANCE], what was made of the last beats."""
    seen: Tensor
    """bool [B, REACH], whether they had a picture."""
    last: Tensor
    """[B, PICTURE, PICTURE], how light the last picture was, however long ago; -128 to 127."""
    ever: Tensor
    """bool [B], whether there was one."""

    def later(self, beats: int) -> Sight:
        """The same after so many beats without a picture."""
        many = min(beats, REACH)
        glances = torch.cat([self.glances[:, many:], torch.zeros_like(self.glances[:, :many])], 1)
        seen = torch.cat([self.seen[:, many:], torch.zeros_like(self.seen[:, :many])], 1)
        return replace(self, glances=glances, seen=seen)


class Patches(nn.Module):
    """A picture to one vector: each patch by itself through the stages, then all of them together."""

    def __init__(self) -> None:
        super().__init__()
        sizes = [CHANNELS, *(width for _, width in STAGES)]
        self.stages = nn.ModuleList(
            [nn.Linear(side * side * taken, made) for (side, made), taken in zip(STAGES, sizes, strict=False)]
        )
        self.norms = nn.ModuleList([Norm(made) for _, made in STAGES])
        self.deeper = nn.ModuleList([Residual(made, 2 * made) for _, made in STAGES[1:]])
        self.joined = nn.Linear((PICTURE // PATCH) ** 2 * STAGES[-1][1], GLANCE)

    def forward(self, colours: Tensor, change: Tensor) -> Tensor:
        """[n, PICTURE, PICTURE, 3] and [n, PICTURE, PICTURE, 1], both -128 to 127, to [n, GLANCE]. Patches never meet
        before the end: the stages' squares divide them.
        """
        x = self._first(_folded(colours, STAGES[0][0]), _folded(change, STAGES[0][0]))
        x = functional.gelu(self.norms[0](x))
        later = zip(STAGES[1:], self.stages[1:], self.norms[1:], self.deeper, strict=True)
        for (side, _), stage, norm, deeper in later:
            x = deeper(functional.gelu(norm(stage(_folded(x, side)))))
        return functional.gelu(self.joined(x.flatten(1)))

    def _first(self, colours: Tensor, change: Tensor) -> Tensor:
        """The first stage of both without joining them, and without scaling them: they are the bulk of the work."""
        layer = cast("nn.Linear", self.stages[0])
        weight, width = layer.weight / 128, colours.shape[-1]
        return functional.linear(colours, weight[:, :width], layer.bias) + functional.linear(change, weight[:, width:])


def _folded(x: Tensor, side: int) -> Tensor:
    """[n, h, w, c] to [n, h / side, w / side, side * side * c]."""
    count, height, width, channels = x.shape
    parted = x.view(count, height // side, side, width // side, side, channels)
    return parted.transpose(2, 3).reshape(count, height // side, width // side, side * side * channels)


class Eyes(nn.Module):
    """Pictures to vectors of `width`, which are added to what is heard in the same beat."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.patches = Patches()
        self.nothing = nn.Parameter(torch.zeros(GLANCE))
        self.turns = nn.ModuleList([Deepening(GLANCE, 2 * GLANCE) for _ in range(TURNS)])
        self.norm = Norm(GLANCE)
        self.out = nn.Linear(GLANCE, width, bias=False)
        nn.init.zeros_(self.out.weight)

    @property
    def see(self) -> bool:
        """Whether they were ever trained."""
        return bool(self.out.weight.any())

    def begin(self, streams: int) -> Sight:
        """Before the first beat: no picture yet."""
        device = self.nothing.device
        return Sight(
            torch.zeros(streams, REACH, GLANCE, device=device),
            torch.zeros(streams, REACH, dtype=torch.bool, device=device),
            torch.zeros(streams, PICTURE, PICTURE, device=device),
            torch.zeros(streams, dtype=torch.bool, device=device),
        )

    def forward(self, pictures: Tensor, seen: Tensor, before: Sight) -> tuple[Tensor, Sight]:
        """Pictures uint8 [B, T, PICTURE, PICTURE, 3], of which those count that were `seen` [B, T], to [B, T, width]
        and what is carried on.
        """
        colours = (pictures ^ 128).view(torch.int8).to(_precision(pictures))
        light = colours @ torch.tensor(_LUMA, dtype=colours.dtype, device=colours.device)
        earlier, had, last, ever = _earlier(light, seen, before)
        change = (light - earlier) * had[..., None, None]
        looked = self.patches(colours.flatten(0, 1), change.flatten(0, 1)[..., None])
        made = cast("Tensor", looked).float().view(*seen.shape, GLANCE)
        glances = torch.cat([before.glances, torch.where(seen[..., None], made, 0.0)], 1)
        known = torch.cat([before.seen, seen], 1)
        x = torch.where(known[..., None], glances, self.nothing)
        for turn in self.turns:
            x = turn(x)
        x = self.out(self.norm(x)) * known.unfold(1, REACH + 1, 1).any(-1)[..., None]
        return x, Sight(glances[:, -REACH:], known[:, -REACH:], last, ever)


def _earlier(light: Tensor, seen: Tensor, before: Sight) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """How light the last picture was that was seen before each beat, whether there was one; the same after the last
    beat.
    """
    line = torch.cat([before.last[:, None].to(light.dtype), light], 1)
    place = torch.arange(1, seen.shape[1] + 1, device=seen.device)
    latest = torch.cat([torch.zeros_like(place[:1]).expand(len(seen), 1), (place * seen)], 1).cummax(1).values
    rows = torch.arange(len(seen), device=seen.device)[:, None]
    there = (latest > 0) | before.ever[:, None]
    found = line[rows, latest]
    return found[:, :-1], there[:, :-1], found[:, -1].float(), there[:, -1]


def _precision(pictures: Tensor) -> torch.dtype:
    """bfloat16 holds bytes exactly, and is what training multiplies in anyway."""
    kind = pictures.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32


def picture_of(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Any RGB picture, [height, width, 3], as it is looked at: the square in its middle, each pixel the mean of the
    area that it covers. Of more than 240 x 240 pixels so many are read, evenly spread.

    Raises ValueError for anything else: other shapes, no pixels, numbers that are not bytes.
    """
    if pixels.dtype != np.uint8:
        raise ValueError(f"a picture holds bytes (uint8, 0 to 255), not {pixels.dtype}")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError(f"a picture is an array of height x width x 3 (RGB), not of shape {pixels.shape}")
    height, width, _ = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = pixels[top : top + side, left : left + side]
    if side == PICTURE:
        return square.copy()  # who gave it may have given bytes that nobody may write to
    if side > _MOST:
        places = ((np.arange(_MOST) + 0.5) * (side / _MOST)).astype(int)
        square = square[places][:, places]
    square = square.astype(np.float32)
    shares = _shares(len(square))
    rows = product(shares, square.reshape(len(square), -1)).reshape(PICTURE, len(square), 3)
    columns = product(shares, rows.swapaxes(0, 1).reshape(len(square), -1)).reshape(PICTURE, PICTURE, 3)
    return np.rint(columns.swapaxes(0, 1)).clip(0, 255).astype(np.uint8)


@lru_cache(8)
def _shares(size: int) -> NDArray[np.float32]:
    """[PICTURE, size], how much of each pixel enters each of ours."""
    edges = np.linspace(0, size, PICTURE + 1)
    places = np.arange(size)
    covered = np.minimum(edges[1:, None], places + 1) - np.maximum(edges[:-1, None], places)
    return (covered.clip(0) / (size / PICTURE)).astype(np.float32)
