"""Gather and gemv as two Triton kernels, for a few rows on a GPU: each program reads the rows of the expert that was
chosen where they lie, in float32 and in a fixed order, so a row's answer does not depend on the rows beside it.

Checked against the other products under Triton's interpreter only: no GPU has run them, so nothing chooses them by
itself. `experts.product = by_kernel` does; needs the package triton.
"""
# pyright: basic, reportMissingImports=false, reportIndexIssue=false
# ruff: noqa: ANN001, ANN202, N803
# (Triton is not installed where types are checked; its compiler reads these signatures.)

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from counterpoint.interaction.nn.expert_products import Chosen

UNITS, COLUMNS, DEPTH = 16, 64, 64
"""Hidden units, columns of the answer, and terms of a sum that a program takes at once."""


@triton.jit
def _up(
    x, experts, weights, gate_up, hidden, size, width,
    CHOSEN: tl.constexpr, UNITS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """A program for each (row, choice) and UNITS hidden units: gate, up, SwiGLU, weight."""
    choice = tl.program_id(0)
    unit = tl.program_id(1) * UNITS + tl.arange(0, UNITS)
    expert = tl.load(experts + choice)
    first = gate_up + expert * 2 * size * width
    gate = tl.zeros([UNITS], dtype=tl.float32)
    up = tl.zeros([UNITS], dtype=tl.float32)
    for begin in range(0, width, DEPTH):
        term = begin + tl.arange(0, DEPTH)
        inside = (unit < size)[:, None] & (term < width)[None, :]
        row = tl.load(x + (choice // CHOSEN) * width + term, mask=term < width, other=0.0).to(tl.float32)
        at = first + unit[:, None] * width + term[None, :]
        gate += tl.sum(tl.load(at, mask=inside, other=0.0).to(tl.float32) * row[None, :], axis=1)
        up += tl.sum(tl.load(at + size * width, mask=inside, other=0.0).to(tl.float32) * row[None, :], axis=1)
    answer = gate * tl.sigmoid(gate) * up * tl.load(weights + choice).to(tl.float32)
    tl.store(hidden + choice * size + unit, answer, mask=unit < size)


@triton.jit
def _down(
    hidden, experts, down, out, size, width,
    CHOSEN: tl.constexpr, COLUMNS: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """A program for each row and COLUMNS columns of its answer: the sum over its experts."""
    row = tl.program_id(0)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    total = tl.zeros([COLUMNS], dtype=tl.float32)
    for number in range(CHOSEN):
        choice = row * CHOSEN + number
        first = down + tl.load(experts + choice) * size * width
        for begin in range(0, size, DEPTH):
            unit = begin + tl.arange(0, DEPTH)
            inside = (unit < size)[:, None] & (column < width)[None, :]
            part = tl.load(hidden + choice * size + unit, mask=unit < size, other=0.0)
            at = first + unit[:, None] * width + column[None, :]
            total += tl.sum(tl.load(at, mask=inside, other=0.0).to(tl.float32) * part[:, None], axis=0)
    tl.store(out + row * width + column, total.to(out.dtype.element_ty), mask=column < width)


def by_kernel(x: Tensor, chosen: Chosen, gate_up: Tensor, down: Tensor) -> Tensor:
    """A `Product`; all tensors contiguous and on one device. No gradients."""
    rows, width = x.shape
    count, size = chosen.experts.shape[1], down.shape[1]
    x, experts, weights = x.contiguous(), chosen.experts.contiguous(), chosen.weights.contiguous()
    hidden = torch.empty(rows, count, size, device=x.device, dtype=torch.float32)
    out = torch.empty_like(x)
    if rows:
        _up[(rows * count, triton.cdiv(size, UNITS))](
            x, experts, weights, gate_up, hidden, size, width, CHOSEN=count, UNITS=UNITS, DEPTH=DEPTH
        )
        _down[(rows, triton.cdiv(width, COLUMNS))](
            hidden, experts, down, out, size, width, CHOSEN=count, COLUMNS=COLUMNS, DEPTH=DEPTH
        )
    return out
