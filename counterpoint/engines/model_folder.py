"""From a folder of Hugging Face files to a model that is ready to compute: precision, attention, layout, self-check."""

from pathlib import Path

import torch

from counterpoint.engines.attention import use_grouped_attention
from counterpoint.engines.causal_model import CausalModel
from counterpoint.engines.hugging_face import causal_lm
from counterpoint.engines.packed_linear import pack
from counterpoint.engines.processor import has_matrix_tiles
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
    return torch.bfloat16 if device != "cpu" or has_matrix_tiles() else torch.float32
