"""A Hugging Face causal language model, called directly: cached tokens in, logits of the last position out.

Several sequences may share a pass, where the model can do that. Synchronous and for one thread; it knows nothing of
sessions, lanes or the event loop. Everything that the frameworks raise leaves here as an `EngineError`.
"""

import inspect
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from counterpoint.engines.kv_cache import KvCache
from counterpoint.engines.packed_pass import PackedPass, shares
from counterpoint.errors import ConfigurationError, EngineError

CLOSE = 0.1
"""Two ways to the same logits may differ by this share of the largest; in bfloat16 they do by some percent."""


class Computed:
    """What has been computed for one streaming session: a cache, the tokens it holds, the logits after the last."""

    def __init__(self, cache: KvCache) -> None:
        self.cache = cache
        self.tokens: list[int] = []
        self.logits: torch.Tensor | None = None


class CausalModel:
    """`model`: any transformers causal LM in eval mode. `vocabulary`, `parameters`: how many ids, how many weights.

    `packs`: whether several sessions may share a pass; `check` finds that out.
    """

    def __init__(self, model: Any, parameters: int) -> None:
        self.packs = False
        self._model = model
        self._device = model.device
        self.parameters = parameters
        self.vocabulary: int = model.get_input_embeddings().num_embeddings
        self.max_length: int | None = _longest(model.config)
        self.truncatable = KvCache(model.config).croppable
        self._name, self._inner_name = _cache_name(model), _cache_name(model.base_model)
        keeps_last = "logits_to_keep" in inspect.signature(model.forward).parameters
        self._keep: Callable[[torch.Tensor], dict[str, Any]] = self._rows if keeps_last else lambda _: {}

    def begin(self) -> Computed:
        return Computed(KvCache(self._model.config))

    def advance(self, computed: Computed, sequence: list[int], limit: int) -> bool:
        """Bring the cache at most `limit` tokens nearer to `sequence`, dropping what differs; true once it is there.

        The cache says itself what it holds, so it doesn't matter how an earlier, abandoned call ended.
        """
        if _arrived(computed, sequence):
            return True
        start = self._prepare(computed, sequence)
        piece = sequence[start : start + limit]
        arrived = start + len(piece) == len(sequence)
        with self._translated((computed,), (start,)):
            computed.logits = self._forward(computed.cache, piece, arrived)
        computed.tokens += piece
        return arrived

    def advance_together(self, aims: Sequence[tuple[Computed, list[int]]], rows: int) -> list[bool | EngineError]:
        """`advance` for each cache and its sequence, in a pass of about `rows` tokens that they share evenly. What
        fails is tried again one by one, so that an error is its owner's alone.
        """
        behind = [index for index, aim in enumerate(aims) if not _arrived(*aim)]
        outcomes: list[bool | EngineError] = [True] * len(aims)
        if self.packs and len(behind) > 1:
            try:
                together = self._advance_packed([aims[index] for index in behind], rows)
            except EngineError:
                pass
            else:
                return _replaced(outcomes, behind, together)
        limits = shares([len(aims[index][1]) for index in behind], rows)
        alone = [self._advance_or_say(*aims[index], limit) for index, limit in zip(behind, limits, strict=True)]
        return _replaced(outcomes, behind, alone)

    def check(self) -> None:
        """Refuse a model for which pieces do not add up to the whole, instead of letting it speak nonsense."""
        tokens = [token % self.vocabulary for token in range(3, 15)]
        whole, pieces = self.begin(), self.begin()
        self.advance(whole, tokens, len(tokens))
        while not self.advance(pieces, tokens, 5):
            pass
        if not (gap := _gap(whole, pieces)) < CLOSE:
            raise ConfigurationError(
                f"{type(self._model).__name__} cannot continue from its cache piece by piece "
                f"(its logits differ by {gap:.0%} from those of one pass): streaming sessions need one that can"
            )
        self.packs = self._can_pack(whole, tokens)

    def _can_pack(self, whole: Computed, tokens: list[int]) -> bool:
        """Found out by doing it, beside another session that has got further."""
        if not whole.cache.packable:
            return False
        packed, beside = self.begin(), self.begin()
        self.advance(beside, tokens[::-1], len(tokens))
        try:
            arrived: bool | EngineError = False
            while not arrived:
                arrived, _ = self._advance_packed([(packed, tokens), (beside, [*tokens[::-1], *tokens])], 10)
        except EngineError:
            return False
        return _gap(whole, packed) < CLOSE

    def _advance_or_say(self, computed: Computed, sequence: list[int], limit: int) -> bool | EngineError:
        try:
            return self.advance(computed, sequence, limit)
        except EngineError as error:
            return error

    def _advance_packed(self, aims: Sequence[tuple[Computed, list[int]]], rows: int) -> list[bool | EngineError]:
        starts = [self._prepare(*aim) for aim in aims]
        counts = shares([len(sequence) - start for (_, sequence), start in zip(aims, starts, strict=True)], rows)
        pieces = [
            sequence[start : start + count] for (_, sequence), start, count in zip(aims, starts, counts, strict=True)
        ]
        held = [computed for computed, _ in aims]
        with self._translated(held, starts):
            shared = PackedPass([computed.cache for computed in held], starts, counts, self._device)
            logits = self._forward_packed(shared, [token for piece in pieces for token in piece])
        outcomes: list[bool | EngineError] = []
        for index, (computed, sequence) in enumerate(aims):
            computed.tokens += pieces[index]
            arrived = len(computed.tokens) == len(sequence)
            computed.logits = logits[index] if arrived else None
            outcomes.append(arrived)
        return outcomes

    def _forward(self, cache: KvCache, piece: list[int], last: bool) -> torch.Tensor | None:
        inputs: dict[str, Any] = {"input_ids": torch.tensor([piece], device=self._device), "use_cache": True}
        with torch.inference_mode():
            if not last:
                self._model.base_model(**inputs, **{self._inner_name: cache.cache})
                return None
            inputs |= self._keep(torch.tensor([len(piece) - 1], device=self._device))
            logits: torch.Tensor = self._model(**inputs, **{self._name: cache.cache}).logits[0, -1].float()
        return _numbers(logits)

    def _forward_packed(self, shared: PackedPass, tokens: list[int]) -> torch.Tensor:
        """Logits of every session's last row, in order."""
        last = torch.tensor(shared.ends, device=self._device) - 1
        inputs: dict[str, Any] = {
            "input_ids": torch.tensor([tokens], device=self._device),
            "position_ids": shared.positions,
            "use_cache": False,
            "packed": shared,
        }
        with torch.inference_mode():
            logits: torch.Tensor = self._model(**inputs, **self._keep(last)).logits[0].float()
        return _numbers(logits if len(logits) == len(last) else logits[last])

    def _rows(self, rows: torch.Tensor) -> dict[str, Any]:
        # Indices rather than a count: they copy the row, and a strided row makes bfloat16 kernels copy the whole head
        return {"logits_to_keep": rows}

    def _prepare(self, computed: Computed, sequence: list[int]) -> int:
        """Drop what differs; returns the position from which on tokens are missing."""
        return self._rewind(computed, min(_common(computed.tokens, sequence), len(sequence) - 1))

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
    def _translated(self, held: Sequence[Computed], starts: Sequence[int]) -> Generator[None, None, None]:
        """A failed pass may have written some layers and not others: go back to before it."""
        try:
            yield
        except (RuntimeError, MemoryError, ValueError, IndexError, TypeError, EngineError) as error:
            for computed, start in zip(held, starts, strict=True):
                computed.cache.crop(start)
                if not computed.cache.croppable:
                    computed.cache, computed.tokens = KvCache(self._model.config), []
            raise _explained(error) from error


def _longest(config: Any) -> int | None:
    text: Any = config.get_text_config(decoder=True)
    return getattr(text, "max_position_embeddings", None) or getattr(text, "n_positions", None)


def _arrived(computed: Computed, sequence: list[int]) -> bool:
    return computed.logits is not None and computed.tokens == sequence


def _replaced(
    outcomes: list[bool | EngineError], at: Sequence[int], by: Sequence[bool | EngineError]
) -> list[bool | EngineError]:
    for index, outcome in zip(at, by, strict=True):
        outcomes[index] = outcome
    return outcomes


def _gap(one: Computed, other: Computed) -> float:
    """The largest difference between two logits, as a share of the largest logit."""
    if one.logits is None or other.logits is None:
        raise EngineError("the model gave no logits")
    return float((one.logits - other.logits).abs().max() / one.logits.abs().max().clamp(min=1e-6))


def _numbers(logits: torch.Tensor) -> torch.Tensor:
    if torch.isnan(logits).any():
        raise EngineError("the model computed values that are not numbers; its weights or its precision are broken")
    return logits


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


def _cache_name(module: Any) -> str:
    """What the module calls its cache: `past_key_values` before transformers 5.24, and in models that it lacks."""
    return "cache" if "cache" in inspect.signature(module.forward).parameters else "past_key_values"
