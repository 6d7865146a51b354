"""A Hugging Face causal language model, called directly: cached tokens in, logits of the last position out.

Synchronous and for one thread; it knows nothing of sessions, lanes or the event loop. Everything that the frameworks
raise leaves here as an `EngineError`.
"""

import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import torch

from counterpoint.engines.kv_cache import KvCache
from counterpoint.errors import ConfigurationError, EngineError


class Computed:
    """What has been computed for one streaming session: a cache, the tokens it holds, the logits after the last."""

    def __init__(self, cache: KvCache) -> None:
        self.cache = cache
        self.tokens: list[int] = []
        self.logits: torch.Tensor | None = None


class CausalModel:
    """`model`: any transformers causal LM in eval mode. `vocabulary`, `parameters`: how many ids, how many weights."""

    def __init__(self, model: Any, parameters: int) -> None:
        self._model = model
        self._device = model.device
        self.parameters = parameters
        self.vocabulary: int = model.get_input_embeddings().num_embeddings
        self.max_length: int | None = _longest(model.config)
        self.truncatable = KvCache(model.config).croppable
        keeps_last = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._keep: Callable[[int], dict[str, Any]] = self._last_row if keeps_last else lambda _: {}

    def begin(self) -> Computed:
        return Computed(KvCache(self._model.config))

    def advance(self, computed: Computed, sequence: list[int], limit: int) -> bool:
        """Bring the cache at most `limit` tokens nearer to `sequence`, dropping what differs; true once it is there.

        The cache says itself what it holds, so it doesn't matter how an earlier, abandoned call ended.
        """
        if computed.logits is not None and computed.tokens == sequence:
            return True
        start = min(_common(computed.tokens, sequence), len(sequence) - 1)
        start = self._rewind(computed, start)
        piece = sequence[start : start + limit]
        arrived = start + len(piece) == len(sequence)
        with self._translated(computed, start):
            computed.logits = self._forward(computed.cache, piece, arrived)
        computed.tokens += piece
        return arrived

    def check(self) -> None:
        """Refuse a model for which pieces do not add up to the whole, instead of letting it speak nonsense."""
        tokens = [token % self.vocabulary for token in range(3, 15)]
        whole, pieces = self.begin(), self.begin()
        self.advance(whole, tokens, len(tokens))
        while not self.advance(pieces, tokens, 5):
            pass
        if whole.logits is None or pieces.logits is None:
            raise EngineError("the model gave no logits")
        gap = (whole.logits - pieces.logits).abs().max() / whole.logits.abs().max().clamp(min=1e-6)
        if not gap < 0.1:
            raise ConfigurationError(
                f"{type(self._model).__name__} cannot continue from its cache piece by piece "
                f"(its logits differ by {float(gap):.0%} from those of one pass): streaming sessions need one that can"
            )

    def _forward(self, cache: KvCache, piece: list[int], last: bool) -> torch.Tensor | None:
        inputs: dict[str, Any] = {
            "input_ids": torch.tensor([piece], device=self._device),
            "past_key_values": cache.cache,
            "use_cache": True,
        }
        with torch.inference_mode():
            if not last:
                self._model.base_model(**inputs)
                return None
            logits: torch.Tensor = self._model(**inputs, **self._keep(len(piece))).logits[0, -1].float()
        if torch.isnan(logits).any():
            raise EngineError("the model computed values that are not numbers; its weights or its precision are broken")
        return logits

    def _last_row(self, rows: int) -> dict[str, Any]:
        # An index rather than a count: it copies the row, and a strided row makes bfloat16 kernels copy the whole head
        return {"logits_to_keep": torch.tensor([rows - 1], device=self._device)}

    def _rewind(self, computed: Computed, length: int) -> int:
        computed.logits = None
        if length == len(computed.tokens):
            return length
        if not computed.cache.croppable:
            computed.cache, computed.tokens = KvCache(self._model.config), []
            return 0
        computed.cache.crop(length)
        del computed.tokens[length:]
        return length

    @contextmanager
    def _translated(self, computed: Computed, start: int) -> Generator[None, None, None]:
        """A failed pass may have written some layers and not others: go back to before it."""
        try:
            yield
        except (RuntimeError, MemoryError, ValueError, IndexError, TypeError, EngineError) as error:
            computed.cache.crop(start)
            if not computed.cache.croppable:
                computed.cache, computed.tokens = KvCache(self._model.config), []
            raise _explained(error) from error


def _longest(config: Any) -> int | None:
    text: Any = config.get_text_config(decoder=True)
    return getattr(text, "max_position_embeddings", None) or getattr(text, "n_positions", None)


def _common(held: list[int], wanted: list[int]) -> int:
    """Length of the common beginning; the usual case, that all of `held` is wanted, is one comparison in C."""
    if held == wanted[: len(held)]:
        return len(held)
    return next(
        i for i, (ours, theirs) in enumerate(zip((*held, None), (*wanted, None), strict=False)) if ours != theirs
    )


def _explained(error: Exception) -> EngineError:
    if isinstance(error, EngineError):
        return error
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error):
        return EngineError("the model ran out of memory: allow fewer or shorter streaming sessions")
    return EngineError(f"the model could not compute: {error}")
