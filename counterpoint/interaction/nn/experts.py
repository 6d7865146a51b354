"""A mixture of experts: many small feed-forwards, of which each place uses a few. It stands beside the dense one that
all places share, and knows nothing of beats or of optimisers.

The experts stand in `chosen` groups of equal size, and a place takes the best of each group. So no place can ask for
two experts that began as the same part of a dense feed-forward, and a trained dense model becomes a mixture that
answers as it did.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.interaction.nn.expert_products import Chosen, Product, by_count, every


class Experts(nn.Module):
    """`count` SwiGLU experts of `size` hidden units, of which each place uses `chosen`. Raises ValueError for shapes
    that do not divide.
    """

    def __init__(self, width: int, count: int, chosen: int, size: int) -> None:
        super().__init__()
        if not 0 < chosen < count or count % chosen:
            raise ValueError(f"{count} experts do not stand in {chosen} groups of two or more")
        if size < 1 or size % 4:
            raise ValueError(f"an expert needs a multiple of four hidden units, not {size}")
        self.chosen = chosen
        self.router = nn.Parameter(torch.randn(count, width) * 0.02)
        self.strength = nn.Parameter(torch.ones(()))
        self.balance = nn.Parameter(torch.zeros(count))
        self.gate_up = Stack(count, 2 * size, width, width**-0.5)
        self.down = Stack(count, size, width, 0.3 * (chosen * size) ** -0.5)
        self.register_buffer("groups", torch.arange(chosen) * (count // chosen), persistent=False)
        self.groups: Tensor
        self.product: Product = by_count
        """What multiplies where no gradient is wanted."""

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] to the same."""
        rows = x.flatten(0, -2)
        scores = self.scores(rows)
        chosen = self.choose(scores)
        if not (self.training or torch.is_grad_enabled()):
            return self.product(rows, chosen, self.gate_up.weight, self.down.weight).view(x.shape)
        rows = told(rows, self.balance, self.excess(chosen))
        dtype = torch.get_autocast_dtype(x.device.type) if torch.is_autocast_enabled(x.device.type) else x.dtype
        weights = self.gate_up.weight.to(dtype), self.down.weight.to(dtype)
        return every(rows.to(dtype), chosen, *weights).view(x.shape)

    def scores(self, x: Tensor) -> Tensor:
        """[N, experts], in float32 always: the choice is a step, and rounding must not take it."""
        with torch.autocast(x.device.type, enabled=False):
            return functional.linear(x.float(), self.router.float())

    def choose(self, scores: Tensor) -> Chosen:
        """The best of each group, the first of equals. The balance has a say in who is chosen, but not in how much
        its answer weighs: 1 where the router is indifferent, between 0 and 2.
        """
        grouped = (scores + self.balance).detach().view(len(scores), self.chosen, len(self.balance) // self.chosen)
        experts = grouped.argmax(-1) + self.groups
        return Chosen(experts, 2 * torch.sigmoid(self.strength * scores.gather(1, experts)))

    def excess(self, chosen: Chosen) -> Tensor:
        """[experts]: how much more often each was chosen than its share: -1 never, 0 as it should, 1 twice as often."""
        count = len(self.balance)
        asked = torch.zeros(count, device=self.balance.device).scatter_add_(
            0, chosen.experts.flatten(), torch.ones(chosen.experts.numel(), device=self.balance.device)
        )
        return asked * (count / max(1, chosen.experts.numel())) - 1


class Stack(nn.Module):
    """A matrix for each expert; a module, so that the optimiser finds it as it finds other matrices."""

    def __init__(self, count: int, rows: int, columns: int, bound: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(count, rows, columns).uniform_(-bound, bound))


class Told(torch.autograd.Function):
    """Gives x back, and gives the balance the excess as its gradient, whatever the loss: so it goes the way of all
    gradients, is averaged over processes, and the optimiser lowers who is chosen too often.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, balance: Tensor, excess: Tensor) -> Tensor:  # noqa: ARG004  (by its gradient)
        ctx.save_for_backward(excess)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        return gradients[0], ctx.saved_tensors[0], None


def told(x: Tensor, balance: Tensor, excess: Tensor) -> Tensor:
    """x, as `Told` gives it."""
    return cast("Tensor", Told.apply(x, balance, excess))  # pyright: ignore[reportUnknownMemberType]  (untyped there)


def from_dense(weights: dict[str, Tensor], mixture: dict[str, Tensor], chosen: int) -> dict[str, Tensor]:
    """Weights of a dense model, cut to those of a mixture: the first hidden units are shared, the rest is dealt to the
    groups, and the experts of a group begin alike. `mixture`: its own state, of which the routers are kept; their
    scores weigh nothing until that is learned, so that every answer is the dense model's. Raises RuntimeError where
    the hidden units are not as many.
    """
    made = dict(weights)
    for name in mixture:
        block, mark, _ = name.partition("experts.balance")
        if mark and {f"{block}gate_up.weight", f"{block}down.weight"} <= weights.keys():  # else loading says what lacks
            made |= _dealt(block, weights, mixture, chosen)
    return made


def _dealt(block: str, weights: dict[str, Tensor], mixture: dict[str, Tensor], chosen: int) -> dict[str, Tensor]:
    gates, ups = weights[f"{block}gate_up.weight"].chunk(2)
    downs = weights[f"{block}down.weight"].t()
    count, size, width = mixture[f"{block}experts.down.weight"].shape
    shared = mixture[f"{block}down.weight"].shape[1]
    if gates.shape != (shared + chosen * size, width):
        raise RuntimeError(f"{block}gate_up.weight has {len(gates)} hidden units, the mixture {shared + chosen * size}")

    def deal(rows: Tensor) -> Tensor:
        parts = rows[shared:].view(chosen, 1, size, width)
        return parts.expand(-1, count // chosen, -1, -1).reshape(count, size, width)

    return {
        f"{block}gate_up.weight": torch.cat([gates[:shared], ups[:shared]]),
        f"{block}down.weight": downs[:shared].t(),
        f"{block}experts.gate_up.weight": torch.cat([deal(gates), deal(ups)], 1),
        f"{block}experts.down.weight": deal(downs),
        f"{block}experts.router": mixture[f"{block}experts.router"],
        f"{block}experts.balance": torch.zeros_like(mixture[f"{block}experts.balance"]),
        f"{block}experts.strength": torch.zeros_like(mixture[f"{block}experts.strength"]),
    }
