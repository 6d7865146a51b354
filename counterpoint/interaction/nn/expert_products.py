"""Products with the experts that each row chose, in every order of work that computes the same sum. Which of them is
fastest goes by the number of rows and by the machine; `bench/experts.py` measures them.

Nothing here copies the weights of an expert: on a CPU that costs ten times more than to multiply with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

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
    wanted: list[list[int]] = _listed(chosen.experts)
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


def by_expert(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """A product for each expert that anyone chose, with the rows that chose it. No gradients."""
    experts, rows, weights = _sorted(chosen)
    out = torch.zeros_like(x)
    ends: list[int] = _listed(_ends(experts, len(down)))
    for expert, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
        if end > begin:
            here = rows[begin:end]
            hidden = _swiglu(x[here] @ gate_up[expert].t()) * weights[begin:end, None]
            out.index_add_(0, here, hidden @ down[expert])
    return out


def grouped(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """Two grouped matrix products over the rows in the order of their experts. Needs PyTorch's `grouped_mm`."""
    experts, rows, weights = _sorted(chosen)
    ends = _ends(experts, len(down))
    hidden = _swiglu(functional.grouped_mm(x[rows], gate_up.transpose(1, 2), offs=ends)) * weights[:, None]
    return torch.zeros_like(x).index_add_(0, rows, functional.grouped_mm(hidden, down, offs=ends))


def by_count(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """The fastest of them for so many rows, as measured on a CPU."""
    groups = _groups(x.device.type, x.dtype)
    if len(x) <= (ROWS if groups else ROWS_BESIDE_LOOP):
        return by_row(x, chosen, gate_up, down)
    return (grouped if groups else by_expert)(x, chosen, gate_up, down)


ROWS = 2
"""Up to so many rows a gemv each is faster than grouped products."""

ROWS_BESIDE_LOOP = 8
"""The same beside a loop over the experts, where PyTorch has no grouped products (before 2.10, or of this type)."""


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


def _listed(numbers: Tensor) -> Any:
    return numbers.tolist()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped there)


def _swiglu(inner: Tensor) -> Tensor:
    gate, up = inner.chunk(2, -1)
    return functional.silu(gate) * up


def _sorted(chosen: Chosen) -> tuple[Tensor, Tensor, Tensor]:
    """All choices by expert, then by row: the expert, the row and the weight of each."""
    experts, order = chosen.experts.flatten().sort(stable=True)
    return experts, order // chosen.experts.shape[1], chosen.weights.flatten()[order]


def _ends(experts: Tensor, count: int) -> Tensor:
    """int32 [count]: behind the last choice of each expert, among the sorted."""
    each = torch.arange(count, device=experts.device)
    return torch.searchsorted(experts, each, right=True, out_int32=True)
