"""Muon (momentum in float32) for hidden matrices, AdamW for everything else, and the schedule that scales both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

COEFFICIENTS = (3.4445, -4.775, 2.0315)


def orthogonalise(matrices: Tensor, steps: int = 4) -> Tensor:
    """Newton-Schulz iteration on a stack [n, rows, columns] towards the nearest (semi-)orthogonal matrices."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.transpose(1, 2)
        x = a * x + (b * square + c * square @ square) @ x
    return x.transpose(1, 2) if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum is an exponential mean (.95) with a Nesterov-like look-ahead; steps are scaled by .2 sqrt(max(rows, columns))."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float = 6e-3, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": 0.95, "decay": 0.02})
        self._precision = precision
        self.pace: dict[nn.Parameter, float] = {}
        """What the learning rate of a parameter is scaled by, if not 1."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # noqa: ARG002
        """One update; matrices of one shape go through the iteration together."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for shape, parameters in shapes.items():
                stacked = torch.stack([self._update(p, group["momentum"]) for p in parameters])
                matrices = stacked.view(-1, *shape[-2:])  # of a stack for experts each is a matrix of its own
                updates = orthogonalise(matrices.to(self._precision)).float().view_as(stacked)
                for parameter, update in zip(parameters, updates, strict=True):
                    rate = group["lr"] * self.pace.get(parameter, 1.0)
                    parameter.mul_(1 - rate * group["decay"])
                    parameter.add_(update, alpha=-rate * 0.2 * max(shape[-2:]) ** 0.5)

    def _update(self, parameter: nn.Parameter, momentum: float) -> Tensor:
        state = self.state[parameter]
        if "mean" not in state:
            state["mean"] = torch.zeros_like(parameter)
        state["mean"].lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(state["mean"], momentum)


class Optimisers:
    """Both optimisers of a model; `scale` multiplies their learning rates. What balances experts goes against its
    gradient, which is bounded instead of normalised: it comes to rest where the experts are chosen evenly.
    """

    MATRIX, OTHER, BALANCE = 6e-3, 3e-3, 3e-2

    def __init__(self, model: nn.Module, precision: torch.dtype = torch.float32) -> None:
        named = list(model.named_parameters())
        self.balances = [p for n, p in named if n.endswith(".balance")]
        hidden = [p for n, p in named if p.ndim in (2, 3) and n.endswith(".weight")]
        apart = {id(p) for p in (*hidden, *self.balances)}
        self.others = [p for p in model.parameters() if id(p) not in apart]
        self.muon = Muon(hidden, lr=self.MATRIX, precision=precision)
        self.adam = torch.optim.AdamW(self.others, lr=self.OTHER, betas=(0.9, 0.98), weight_decay=0.01)

    def hurry(self, part: nn.Module, factor: float) -> None:
        """Scales the learning rate of a part's matrices as well: of one that is younger than the others."""
        self.muon.pace |= dict.fromkeys(part.parameters(), factor)

    def step(self, scale: float) -> float:
        """Clips the AdamW group's gradient to 1, steps, and returns that gradient's norm before clipping. What nothing was asked of stays as it is:
        an update of normalised size would shake the eyes of a model that is shown nothing for a while.
        """
        for parameter in (*self.muon.param_groups[0]["params"], *self.others):
            if parameter.grad is not None and not parameter.grad.any():
                parameter.grad = None
        norm = float(nn.utils.clip_grad_norm_(self.others, 1.0))
        for optimiser, rate in ((self.muon, self.MATRIX), (self.adam, self.OTHER)):
            for group in optimiser.param_groups:
                group["lr"] = rate * scale
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self._balance(self.BALANCE * scale)
        return norm

    @torch.no_grad()
    def _balance(self, step: float) -> None:
        for parameter in self.balances:
            if parameter.grad is not None:
                parameter.sub_(parameter.grad.clamp(-1, 1), alpha=step)
                parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Momenta of both."""
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores `state_dict`."""
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
