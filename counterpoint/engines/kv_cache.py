"""A key/value cache that is written in place. It knows nothing of tokens or of who asks.

Concatenating, as the stock cache does, copies every layer for every token; here the room is reserved beforehand. On a
CPU reserved memory costs nothing until it is touched, so most sessions never copy at all.
"""

from typing import Any

import torch
from transformers import DynamicCache, PretrainedConfig
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

RESERVED_ON_CPU = 8192
RESERVED_ON_DEVICE = 512
"""Positions reserved at first; doubled when they are full."""


class ReservedLayer(DynamicLayer):
    """One layer's keys and values, shaped (1, heads, reserved positions, head size), of which `filled` are valid.

    It also stands in for a sliding-window layer: it keeps more than the window, the attention mask hides what is
    outside, and unlike a window it can be cropped.
    """

    is_sliding = False

    def __init__(self) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType] (its options are untyped)
        self.filled = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.dtype, self.device = key_states.dtype, key_states.device
        reserved = RESERVED_ON_CPU if key_states.device.type == "cpu" else RESERVED_ON_DEVICE
        self.keys = _room(key_states, reserved)
        self.values = _room(value_states, reserved)
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self.keys is None or self.values is None:
            raise RuntimeError("the cache has lost its room")
        start, end = self.filled, self.filled + key_states.shape[-2]
        self.keys, self.values = _grown(self.keys, start, end), _grown(self.values, start, end)
        self.keys[:, :, start:end] = key_states
        self.values[:, :, start:end] = value_states
        self.filled = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_seq_length(self) -> int:
        return self.filled

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.filled + query_length, 0


class KvCache:
    """The cache of one streaming session. `croppable` is false for models that also carry a recurrent state.
    `packable`: nothing but causal attention over all of it is asked for.
    """

    def __init__(self, config: PretrainedConfig) -> None:
        self.cache = DynamicCache(config=config)
        self.packable = all(type(layer) is DynamicLayer for layer in self.cache.layers)
        self.cache.layers = [_in_place(layer) for layer in self.cache.layers]
        if not self.cache.layers:  # they are made when they are needed
            self.cache.layer_class_to_replicate = ReservedLayer
        self.croppable = all(isinstance(layer, ReservedLayer) for layer in self.cache.layers)

    def add(self, layer: int, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns all that the layer holds then."""
        cache: Any = self.cache
        return cache.update(keys, values, layer)

    def crop(self, length: int) -> None:
        for layer in self.cache.layers:
            if isinstance(layer, ReservedLayer):
                layer.filled = min(layer.filled, length)


def _in_place(layer: Any) -> Any:
    return ReservedLayer() if type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) else layer


def _room(states: torch.Tensor, positions: int) -> torch.Tensor:
    batch, heads, _, size = states.shape
    return torch.empty((batch, heads, positions, size), dtype=states.dtype, device=states.device)


def _grown(room: torch.Tensor, filled: int, needed: int) -> torch.Tensor:
    if needed <= (positions := room.shape[-2]):
        return room
    larger = _room(room, max(needed, 2 * positions))
    larger[:, :, :filled] = room[:, :, :filled]
    return larger
