"""From a folder of Hugging Face files to a model that is ready to compute: precision, attention, layout, self-check."""

from pathlib import Path
from typing import Any

import torch

from counterpoint.engines.attention import use_grouped_attention
from counterpoint.engines.causal_model import CausalModel
from counterpoint.engines.hugging_face import causal_lm
from counterpoint.engines.packed_linear import pack
from counterpoint.errors import ConfigurationError


def load_causal_model(folder: Path, *, dtype: str | None, device: str, threads: int) -> CausalModel:
    """From a local folder only, never over the network. Raises `ConfigurationError` if it is not such a model."""
    torch.set_num_threads(threads)
    try:
        model = causal_lm(folder, dtype=_precision(dtype, device))
        model.to(device).eval().requires_grad_(False)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError, AssertionError) as error:
        raise ConfigurationError(f"{folder} cannot be loaded as a causal language model: {error}") from error
    parameters: int = model.num_parameters()
    use_grouped_attention(model)
    if model.base_model is not model:
        pack(model.base_model)
    loaded = CausalModel(model, parameters)
    loaded.check()
    return loaded


def _precision(dtype: str | None, device: str) -> torch.dtype:
    if dtype is not None:
        known = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
        if dtype not in known:
            raise ConfigurationError(f"unknown dtype {dtype!r}: one of {', '.join(known)}")
        return known[dtype]
    return torch.bfloat16 if device != "cpu" or _has_matrix_tiles() else torch.float32


def _has_matrix_tiles() -> bool:
    """Whether the CPU multiplies bfloat16 matrices in hardware (AMX); measured, that halves the cost of a beat."""
    ask: Any = getattr(torch.cpu, "get_capabilities", None)
    capabilities: Any = ask() if ask is not None else {}
    return bool(capabilities.get("amx_bf16") and capabilities.get("amx_tile"))
