"""A streaming session on the local engine: the sequence of tokens it should hold, computed slice by slice.

What is yielded or appended is in the sequence at once; the cache follows it. The last token generated is computed
together with what is appended next, which saves a pass per beat. Being cancelled anywhere leaves the sequence whole.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

import torch

from counterpoint.engines.causal_model import CausalModel, Computed
from counterpoint.engines.choice import Choice, log_probabilities
from counterpoint.engines.token_sequence import TokenSequence
from counterpoint.engines.turnstile import Lane
from counterpoint.engines.wish import Wish
from counterpoint.errors import ConfigurationError, EngineError

T = TypeVar("T")


class Ask(Protocol):
    """Brings a wish nearer to being granted, when its lane's turn comes."""

    def __call__(self, lane: Lane, wish: Wish[Any], /) -> Awaitable[None]: ...


class LocalSession:
    """`lane` may be changed at any time: a session prepared in the background becomes live when it is swapped in."""

    def __init__(self, model: CausalModel, ask: Ask, lane: Lane, max_length: int, choice: Choice) -> None:
        self.lane = lane
        self._model = model
        self._ask = ask
        self._choice = choice
        self._sequence = TokenSequence(max_length, model.vocabulary)
        self._computed: Computed | None = model.begin()

    @property
    def length(self) -> int:
        return len(self._sequence)

    @property
    def tokens(self) -> tuple[int, ...]:
        return self._sequence.tokens

    async def append(self, tokens: Sequence[int]) -> None:
        self._check_open()
        if not tokens:
            return
        self._sequence.extend(tokens)
        await self._with_logits(lambda _: None)

    async def generate(
        self, limit: int, *, stop: frozenset[int] = frozenset(), banned: frozenset[int] = frozenset()
    ) -> AsyncGenerator[int, None]:
        for _ in range(limit):
            self._check_open()
            self._sequence.require_room(1)
            token = await self._with_logits(lambda logits: self._choice.token(logits, banned))
            if token in stop:
                return
            self._sequence.add(token)
            yield token

    async def score(self, tokens: Sequence[int]) -> list[float]:
        self._sequence.check_known(tokens)
        return await self._with_logits(lambda logits: log_probabilities(logits, tokens))

    async def truncate(self, length: int) -> None:
        self._check_open()
        if not self._model.truncatable:
            raise ConfigurationError("this model carries a state that cannot be taken back: its sessions only grow")
        self._sequence.truncate(length)

    async def aclose(self) -> None:
        """Frees the cache (once a pass that is running has ended). Idempotent."""
        self.close_nowait()

    def close_nowait(self) -> None:
        self._computed = None

    @property
    def closed(self) -> bool:
        return self._computed is None

    async def _with_logits(self, use: Callable[[torch.Tensor], T]) -> T:
        """Compute what is missing, a slice per turn, then use the logits after the last token."""
        computed = self._check_open()
        self._sequence.check_begun()
        with self._sequence.alone():
            wish = Wish(computed, self._sequence.slice(0, self.length), use)
            while not wish.granted:
                self._check_open()
                await self._ask(self.lane, wish)
            return wish.result()

    def _check_open(self) -> Computed:
        if self._computed is None:
            raise EngineError("this streaming session is closed")
        return self._computed
