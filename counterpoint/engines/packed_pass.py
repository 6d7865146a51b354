"""One forward pass for several sessions: their new rows stand in one line, and each row sees its own session alone.

The weights are read once for all of them, which is most of what a row costs. Nothing is padded, and no cache is moved:
the rows differ in how far their sessions have got, and so in their positions and in what they attend to.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch.nn.functional import scaled_dot_product_attention

from counterpoint.engines.kv_cache import KvCache


class PackedPass:
    """`starts`: positions that each cache holds already; `rows`: how many each session adds."""

    def __init__(
        self, caches: Sequence[KvCache], starts: Sequence[int], rows: Sequence[int], device: torch.device
    ) -> None:
        self.ends = list(accumulate(rows))
        together = zip(starts, rows, strict=True)
        self.positions = torch.cat([torch.arange(start, start + count) for start, count in together])[None].to(device)
        self._caches = caches
        self._bounds = list(pairwise((0, *self.ends)))
        self._masks = [_causal(start, count, device) for start, count in zip(starts, rows, strict=True)]

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """All shaped (1, heads, rows, head size); returns (1, rows, heads, head size). Fills the caches' layer."""
        mixed: list[torch.Tensor] = []
        for cache, (begin, end), mask in zip(self._caches, self._bounds, self._masks, strict=True):
            keys, values = cache.add(layer, key[:, :, begin:end], value[:, :, begin:end])
            mixed.append(
                scaled_dot_product_attention(
                    query[:, :, begin:end], keys, values, attn_mask=mask, scale=scale, enable_gqa=True
                )
            )
        return torch.cat(mixed, dim=2).transpose(1, 2).contiguous()


def shares(needs: Sequence[int], room: int) -> list[int]:
    """Rows for each of those who need some: whoever needs little gets it, the others share the rest; at least one."""
    given = [0] * len(needs)
    by_need = sorted(range(len(needs)), key=needs.__getitem__)
    for done, index in enumerate(by_need):
        given[index] = min(needs[index], max(1, room // (len(needs) - done)))
        room -= given[index]
    return given


def _causal(start: int, rows: int, device: torch.device) -> torch.Tensor | None:
    """Row i sees the positions up to `start` + i. One row sees them all, and needs no mask."""
    if rows == 1:
        return None
    return torch.ones(rows, start + rows, dtype=torch.bool, device=device).tril(start)
