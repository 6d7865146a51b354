"""A streaming session on vLLM: the sequence of tokens it should hold, and how much of it the core has.

vLLM drops the last token that it sampled of every chunk. Here every chunk makes one token, and that token goes to the
core at the head of the next chunk: what was yielded is in the sequence, and nothing runs ahead of who asked for it.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

from counterpoint.engines.token_sequence import TokenSequence
from counterpoint.engines.vllm_core import Core, Request, parameters_of
from counterpoint.errors import EngineError

AT_ONCE = 32
"""Appended tokens that wait for the next chunk that makes something. More are computed when they come, in pieces of so
many: somebody else's beat waits for one of them, and shares a step with each of the next ones.
"""


LIVES = 2
"""Deaths of the core that a session may outlive: what it asks for may be what the core dies of."""


class VllmSession:
    """`priority`: lower is more urgent. `start_again`: for a session that outlives the core, and then goes on where it
    was in the next one. Without it, whoever has the session learns of the death.
    """

    def __init__(
        self,
        core: Core,
        priority: int,
        max_length: int,
        vocabulary: int,
        start_again: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._core = core
        self._priority = priority
        self._start_again = start_again
        self._lives = LIVES
        self._sequence = TokenSequence(max_length, vocabulary)
        self._sent = 0
        self._next: int | None = None
        self._request: Request | None = None
        self._parameters: dict[frozenset[int], Any] = {}
        self.closed = False

    @property
    def length(self) -> int:
        return len(self._sequence)

    @property
    def tokens(self) -> tuple[int, ...]:
        return self._sequence.tokens

    async def append(self, tokens: Sequence[int]) -> None:
        """A few tokens are computed together with what is made next; the last one always is."""
        self._check_open()
        if not tokens:
            return
        self._sequence.extend(tokens)
        self._next = None
        while self.length - self._sent > AT_ONCE:
            await self._compute(min(self._sent + AT_ONCE, self.length - 1), self._without(frozenset()))

    async def generate(
        self, limit: int, *, stop: frozenset[int] = frozenset(), banned: frozenset[int] = frozenset()
    ) -> AsyncGenerator[int, None]:
        for _ in range(limit):
            self._check_open()
            self._sequence.require_room(1)
            token = await self._sample(banned)
            if token in stop:
                return
            self._sequence.add(token)
            self._next = None
            yield token

    async def truncate(self, length: int) -> None:
        """The core only appends: what is left is computed anew, with what its prefix cache still holds."""
        self._check_open()
        self._sequence.check_length(length)
        if length < self._sent:
            await self._begin_again()
        if length < self.length:
            self._next = None
        self._sequence.truncate(length)

    async def aclose(self) -> None:
        """Frees the core's memory. Idempotent."""
        self.closed = True
        await self._begin_again()

    async def _sample(self, banned: frozenset[int]) -> int:
        """The token after the sequence. One that was sampled already, and not taken, still is that token."""
        self._check_open()
        if self._next is not None and self._next in banned:
            await self._begin_again()
        if self._next is None:
            self._next = await self._compute(self.length, self._without(banned))
        return self._next

    async def _compute(self, upto: int, parameters: Any) -> int:
        """Give the core what it lacks of the first `upto` tokens. If that fails, the next call gives it everything."""
        self._check_open()
        self._sequence.check_begun()
        with self._sequence.alone():
            while True:
                try:
                    return await self._chunk(upto, parameters)
                except EngineError:
                    if not await self._outlive():
                        raise

    async def _chunk(self, upto: int, parameters: Any) -> int:
        if self._request is None:
            self._request = self._core.request(self._priority)
        chunk, sent, self._sent = self._sequence.slice(self._sent, upto), self._sent, 0
        request, self._request = self._request, None
        made = await request.next(chunk, parameters)
        self._request, self._sent = request, sent + len(chunk)
        return made

    async def _outlive(self) -> bool:
        if self._start_again is None or self.closed or self._core.alive or self._lives == 0:
            return False
        self._lives -= 1
        await self._start_again()
        return True

    async def _begin_again(self) -> None:
        request, self._request = self._request, None
        self._sent, self._next = 0, None
        if request is not None:
            await request.aclose()

    def _without(self, banned: frozenset[int]) -> Any:
        if banned not in self._parameters:
            self._parameters[banned] = parameters_of(self._core.options, banned=banned)
        return self._parameters[banned]

    def _check_open(self) -> None:
        if self.closed:
            raise EngineError("this streaming session is closed")
