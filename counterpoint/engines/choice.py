"""How the next token is chosen from the logits of the last position."""

from collections.abc import Sequence
from functools import lru_cache

import torch

from counterpoint.errors import EngineError


class Choice:
    """How the next token is chosen: the likeliest one at `temperature` 0, else sampled with a seed of its own."""

    def __init__(self, temperature: float = 0.0, seed: int = 0) -> None:
        self._temperature = temperature
        self._generator = torch.Generator().manual_seed(seed)

    def token(self, logits: torch.Tensor, banned: frozenset[int]) -> int:
        if banned:
            logits = logits.index_fill(0, _indices(banned, logits.shape[0], str(logits.device)), -torch.inf)
        best, token = logits.max(-1)
        if not torch.isfinite(best):
            raise EngineError("no token is left to choose: all are banned")
        if self._temperature <= 0:
            return int(token)
        weights = torch.softmax(logits / self._temperature, -1).cpu()
        return int(torch.multinomial(weights, 1, generator=self._generator))


def log_probabilities(logits: torch.Tensor, tokens: Sequence[int]) -> list[float]:
    chosen = torch.log_softmax(logits, -1)[list(tokens)]
    return [float(value) for value in chosen]


@lru_cache(maxsize=8)
def _indices(tokens: frozenset[int], vocabulary: int, device: str) -> torch.Tensor:
    return torch.tensor(sorted(token for token in tokens if token < vocabulary), dtype=torch.long, device=device)
