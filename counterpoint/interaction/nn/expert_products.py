"""Products with the experts that each row chose, in every order of work that computes the same sum. Which of them is
fastest goes by the number of rows and by the machine; `bench/experts.py` measures them.

Nothing here copies the weights of an expert: on a CPU that costs more than to multiply with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Chosen:
    """What each row asks for: `experts` int64 [N, k], ascending in a row, and the weight of each, [N, k]."""

    experts: Tensor
    weights: Tensor


Product = Callable[[Tensor, Chosen, Tensor, Tensor], Tensor]
"""The weighted sum [N, width] of the chosen experts' answers to rows x [N, width].

Experts are SwiGLU of `size` hidden units without biases: gate_up [E, 2 size, width], the gates' rows first, and down
[E, size, width].
"""


def every(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """All experts answer all rows, and what was not asked for weighs nothing: two large products and no index, which
    is what training wants as long as there are few experts. Has gradients.
    """
    count, size, _ = down.shape
    gate, up = functional.linear(x, gate_up.flatten(0, 1)).view(-1, count, 2, size).unbind(2)
    weight = x.new_zeros(len(x), count).scatter(1, chosen.experts, chosen.weights.to(x.dtype))
    return (functional.silu(gate) * up * weight[..., None]).flatten(1) @ down.flatten(0, 1)


def by_row(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """Gather and gemv: a matrix times a vector for each row and expert, where the gathering is a view. No gradients."""
    wanted = cast("list[list[int]]", chosen.experts.tolist())  # pyright: ignore[reportUnknownMemberType]  (untyped there)
    inner = x.new_empty(*chosen.experts.shape, gate_up.shape[1])
    for row, answers, experts in zip(x.unbind(), inner.unbind(), wanted, strict=True):
        for answer, expert in zip(answers.unbind(), experts, strict=True):
            torch.mv(gate_up[expert], row, out=answer)
    hidden = _swiglu(inner) * chosen.weights[..., None]
    out = torch.zeros_like(x)
    for total, parts, experts in zip(out.unbind(), hidden.unbind(), wanted, strict=True):
        for part, expert in zip(parts.unbind(), experts, strict=True):
            total.addmv_(down[expert].t(), part)
    return out


def grouped(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """Two grouped matrix products over the rows in the order of their experts. Needs PyTorch's `grouped_mm`."""
    experts, order = chosen.experts.flatten().sort(stable=True)
    rows, weights = order // chosen.experts.shape[1], chosen.weights.flatten()[order]
    ends = torch.searchsorted(experts, torch.arange(len(down), device=x.device), right=True, out_int32=True)
    hidden = _swiglu(functional.grouped_mm(x[rows], gate_up.transpose(1, 2), offs=ends)) * weights[:, None]
    return torch.zeros_like(x).index_add_(0, rows, functional.grouped_mm(hidden, down, offs=ends))


def by_count(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """The fastest of them for so many rows, as measured on a CPU."""
    if len(x) <= ROWS:
        return by_row(x, chosen, gate_up, down)
    return (grouped if _groups(x.device.type, x.dtype) else every)(x, chosen, gate_up, down)


ROWS = 4
"""Up to so many rows, gather and gemv is the fastest."""


@cache
def _groups(device: str, dtype: torch.dtype) -> bool:
    """Whether this PyTorch has grouped products on the device for the type."""
    try:
        weights = torch.ones(2, 16, 16, device=device, dtype=dtype)
        ends = torch.tensor([1, 2], device=device, dtype=torch.int32)
        functional.grouped_mm(weights[0, :2], weights, offs=ends)
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return True


def _swiglu(inner: Tensor) -> Tensor:
    gate, up = inner.chunk(2, -1)
    return functional.silu(gate) * up
