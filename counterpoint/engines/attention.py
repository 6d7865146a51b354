"""Attention for appended pieces on a CPU: grouped queries read the cached keys and values where they are. And, on any
device, for passes that several sessions share.

The stock path repeats the cache for every query head as soon as there is a mask, so that appending to a long sequence
costs a copy of three or more times its cache; measured 2.4 times slower at 2,000 positions, with bit-equal results.
"""

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention

from counterpoint.engines.hugging_face import attention, hf, masks
from counterpoint.engines.packed_pass import PackedPass

NAME = "counterpoint_grouped"


def use_grouped_attention(model: Any) -> None:
    """Leaves models alone that chose another attention."""
    if getattr(model.config, "_attn_implementation", None) != "sdpa":
        return
    hf.AttentionInterface.register(NAME, _grouped)
    hf.AttentionMaskInterface.register(NAME, masks.sdpa_mask)
    model.set_attn_implementation(NAME)


def _grouped(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    special = options.get("position_bias") is not None or options.get("softcap") is not None
    packed: PackedPass | None = options.pop("packed", None)
    if packed is not None:
        if special:
            raise ValueError("rows of several sessions and a bias on their attention")
        layer: Any = module.layer_idx
        return packed.attend(layer, query, key, value, options.get("scaling")), None
    if query.device.type != "cpu" or special or attention_mask is None or query.shape[1] == key.shape[1]:
        return attention.sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    mixed = scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, scale=options.get("scaling"), enable_gqa=True
    )
    return mixed.transpose(1, 2).contiguous(), None
