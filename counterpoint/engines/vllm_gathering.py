"""Who takes the next step of vLLM's core together. Sessions whose chunks reach the core one by one take turns in it,
each step with one of them; held back until the others are there, they share one. It knows vLLM only as two calls.
"""

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import anyio

from counterpoint.errors import EngineError

GATHER_SECONDS = 0.004
"""How long after a step somebody waits for those who were in it: a tenth of what a step of a small model takes."""

SENT_SECONDS = 0.05
"""How long the core may stand still for chunks that are on their way to it."""


class Chunk(Protocol):
    def send(self) -> None: ...

    async def sent(self) -> None:
        """Wait until the core has been given it."""
        ...


class Gathering:
    """`hold`, `release`: the core begins no step between them. They take effect in the order in which they are called,
    with what is sent, even if nobody waits for their end.
    """

    def __init__(self, hold: Callable[[], Awaitable[None]], release: Callable[[], Awaitable[None]]) -> None:
        self._hold = hold
        self._release = release
        self._waiting: list[Chunk] = []
        self._flying: set[Chunk] = set()
        self._landed: set[Chunk] = set()
        self._until = -math.inf
        self._leading = anyio.Lock()
        self._changed = anyio.Event()

    async def send(self, chunk: Chunk) -> None:
        """Give the core a chunk, with those that are waiting by then. `land` has to follow."""
        self._waiting.append(chunk)
        self._stir()
        try:
            async with self._leading:
                if chunk in self._waiting:
                    await self._company()
                    await self._depart()
        finally:
            if chunk in self._waiting:
                self._waiting.remove(chunk)

    def land(self, chunk: Chunk) -> None:
        """Its step has ended, or nobody waits for it any more. Idempotent."""
        if chunk in self._flying:
            self._flying.remove(chunk)
            self._landed.add(chunk)
            self._until = anyio.current_time() + GATHER_SECONDS
            self._stir()

    async def _company(self) -> None:
        """Wait for the step under way, and a moment for those who were in it."""
        while self._flying and not self._landed:
            await self._changed.wait()
        if not self._landed.issubset(self._waiting):
            with anyio.move_on_after(self._until - anyio.current_time()):
                while not self._landed.issubset(self._waiting):
                    await self._changed.wait()

    async def _depart(self) -> None:
        going, self._waiting = self._waiting, []
        self._flying.update(going)
        self._landed.clear()
        if len(going) == 1:
            going[0].send()
            return
        with anyio.CancelScope(shield=True):  # a core that is held must be released
            with anyio.move_on_after(SENT_SECONDS), suppress(EngineError):
                await self._hold()
            for chunk in going:
                chunk.send()
            with anyio.move_on_after(SENT_SECONDS):
                for chunk in going:
                    await chunk.sent()
            with anyio.move_on_after(SENT_SECONDS), suppress(EngineError):
                await self._release()

    def _stir(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
