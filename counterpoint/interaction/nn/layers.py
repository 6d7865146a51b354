"""Parts: rotation by time, attention with an explicit mask, the transformer block, a causal residual layer. Stateless;
keys and values come in and go out.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.interaction.nn.experts import Experts

Rotation = tuple[Tensor, Tensor]


def rotation(beats: Tensor, size: int, base: float, still: float = 0.0) -> Rotation:
    """Cosines and sines [B, 1, L, size / 2] of the rotary angles at the given beats [B, L]: the angle goes by time,
    not by place in the sequence. The slowest pairs, a share `still` of all, are not rotated: what they match, they
    match at any age.
    """
    pairs = torch.arange(size // 2, dtype=torch.float64, device=beats.device)
    frequencies = base ** (-pairs * 2 / size) * (pairs < (1 - still) * (size // 2))
    angles = beats.to(torch.float64)[:, None, :, None] * frequencies
    return angles.cos().float(), angles.sin().float()


def rotate(x: Tensor, by: Rotation) -> Tensor:
    """Rotates pairs (i, i + size / 2) of the last dimension of x [B, heads, L, size]."""
    first, second = x.chunk(2, -1)
    cosine, sine = by[0].to(x.dtype), by[1].to(x.dtype)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


class Norm(nn.Module):
    """Layer normalisation with a gain and no bias: on CPUs PyTorch fuses it in both directions, RMS normalisation it
    does not.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Normalises x over its last dimension, in x's dtype."""
        return functional.layer_norm(x, self.gain.shape, self.gain.to(x.dtype), None, 1e-5)


class Residual(nn.Module):
    """A residual layer over each vector by itself, or over `together` neighbouring ones. Begins as the identity,
    so that it can be added to a trained model.
    """

    def __init__(self, width: int, inner: int, together: int = 1) -> None:
        super().__init__()
        self.norm = Norm(width)
        self.up = nn.Linear(together * width, inner)
        self.down = nn.Linear(inner, width, bias=False)
        nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] to the same."""
        return x + self.added(self.norm(x))

    def added(self, near: Tensor) -> Tensor:
        """What is added, from normalised vectors [..., together * width]."""
        return self.down(functional.gelu(self.up(near)))


class Deepening(Residual):
    """A residual layer over three neighbouring vectors; takes n + 2, gives n."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__(width, inner, together=3)

    def forward(self, x: Tensor) -> Tensor:
        """[B, n + 2, width] to [B, n, width]."""
        near = self.norm(x)
        return x[:, 2:] + self.added(torch.cat([near[:, :-2], near[:, 1:-1], near[:, 2:]], -1))


class Attention(nn.Module):
    """Multi-head attention with normalised queries and keys (each with a learned gain) and no biases."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm = Norm(width // heads)
        self.key_norm = Norm(width // heads)

    def project(self, x: Tensor, by: Rotation) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys (both rotated) and values [B, heads, L, size] of x [B, L, width]."""
        batch, length, width = x.shape
        parts = self.query_key_value(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        return rotate(self.query_norm(parts[0]), by), rotate(self.key_norm(parts[1]), by), parts[2]

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Attention with `mask` [B, 1, L, N] added to the scores, projected back to [B, L, width].

        Written out: on a CPU this is twice as fast to train as the fused kernel at a few hundred places (measured,
        bfloat16 and float32).
        """
        batch, heads, length, size = query.shape
        added = mask.to(query.dtype).expand(-1, heads, -1, -1).reshape(batch * heads, length, -1)
        scores = torch.baddbmm(added, query.flatten(0, 1), key.flatten(0, 1).transpose(1, 2), alpha=size**-0.5)
        mixed = torch.bmm(scores.softmax(-1).to(value.dtype), value.flatten(0, 1)).view(batch, heads, length, size)
        return cast("Tensor", self.out(mixed.transpose(1, 2).flatten(2)))


def penalty(sees: Tensor) -> Tensor:
    """0 where true, a large negative number elsewhere: what `attend` adds to the scores."""
    return torch.zeros(sees.shape, device=sees.device).masked_fill_(~sees, -1e4)


class Block(nn.Module):
    """Pre-norm attention and SwiGLU, with experts beside it in a mixture."""

    def __init__(self, width: int, heads: int, inner: int, experts: Experts | None = None) -> None:
        super().__init__()
        self.attention_norm = Norm(width)
        self.attention = Attention(width, heads)
        self.feed_norm = Norm(width)
        self.gate_up = nn.Linear(width, 2 * inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)
        self.experts = experts
        with torch.no_grad():
            self.attention.out.weight.mul_(0.3)
            self.down.weight.mul_(0.3)

    def feed(self, x: Tensor) -> Tensor:
        """The feed-forward half, without the residual."""
        near = self.feed_norm(x)
        gate, up = self.gate_up(near).chunk(2, -1)
        fed = cast("Tensor", self.down(functional.silu(gate) * up))
        return fed if self.experts is None else fed + self.experts(near)

    def forward(self, x: Tensor, by: Rotation, mask: Tensor) -> Tensor:
        """Takes x [B, L, width] with attention inside the sequence."""
        x = x + self.attention.attend(*self.attention.project(self.attention_norm(x), by), mask)
        return x + self.feed(x)
