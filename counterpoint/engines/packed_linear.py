"""Weights laid out once as the CPU's matrix kernels want them, instead of at every call.

Half the time of an append of a dozen tokens, in float32 and in bfloat16. The kernels are oneDNN's, reached through
operators that torch keeps for its own compiler; where they are missing or disagree, the plain layers stay.
"""

from typing import Any

import torch

TYPICAL_ROWS = 16
"""Rows per call that the layout is chosen for: what a beat appends."""


class PackedLinear(torch.nn.Module):
    def __init__(self, plain: torch.nn.Linear) -> None:
        super().__init__()
        kernels: Any = torch.ops.mkldnn
        self._multiply: Any = kernels._linear_pointwise  # noqa: SLF001 (see above)
        self.weight: Any = kernels._reorder_linear_weight(plain.weight.detach(), TYPICAL_ROWS)  # noqa: SLF001
        self.bias: torch.Tensor | None = plain.bias

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self._multiply(rows, self.weight, self.bias, "none", [], "")


def pack(model: torch.nn.Module) -> None:
    """Replace every plain linear layer inside, in place. What else it holds is copied, so that the file it was mapped
    from, now needed no more, leaves memory.
    """
    plain = [
        (module, name, child)
        for module in model.modules()
        for name, child in module.named_children()
        if type(child) is torch.nn.Linear
    ]
    packed = [(module, name, layer) for module, name, child in plain if (layer := _packed(child)) is not None]
    for module, name, layer in packed:
        setattr(module, name, layer)
    if packed:
        for parameter in model.parameters():
            parameter.data = parameter.data.clone()


def _packed(plain: torch.nn.Linear) -> PackedLinear | None:
    if plain.weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return None
    rows = torch.linspace(-1, 1, 2 * plain.in_features).view(2, -1).to(plain.weight.dtype)
    try:
        packed = PackedLinear(plain)
        agrees = torch.allclose(packed(rows).float(), plain(rows).float(), rtol=0.05, atol=0.05)
    except (RuntimeError, AttributeError):
        return None
    return packed if agrees else None
