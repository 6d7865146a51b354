"""Virtual time that waits for threads: the clock stands still while a model takes a step or a file is read, and jumps
as soon as nothing but time is waited for. So a conversation with a real model goes as fast as the model can.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from counterpoint.interaction.model import InteractionModel, Offer, Perceived, Span, Start, Stream
from counterpoint.shared_context.expressed import Expressed
from counterpoint.shared_context.ids import SessionId
from counterpoint.testing.virtual_time import VirtualTimeLoop

Result = TypeVar("Result")


class Unhurried:
    """A model whose steps count as work: `working` while one is taken."""

    def __init__(self, model: InteractionModel) -> None:
        self.capabilities = model.capabilities
        self.working = 0
        self._model = model

    def place(self, session: SessionId) -> float | None:
        return self._model.place(session)

    async def open(self, start: Start) -> "UnhurriedStream":
        return UnhurriedStream(self, await self.watched(self._model.open(start)))

    async def watched(self, work: Coroutine[Any, Any, Result]) -> Result:
        self.working += 1
        try:
            return await work
        finally:
            self.working -= 1


class UnhurriedStream:
    def __init__(self, model: Unhurried, stream: Stream) -> None:
        self._model = model
        self._stream = stream

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        return await self._model.watched(self._stream.step(perceived, woven, span))

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Patient(selectors.SelectSelector):
    """Looks like the selector of virtual time: `elapsed` goes on only when nobody works."""

    def __init__(self, working: Callable[[], bool]) -> None:
        super().__init__()
        self.elapsed = 0.0
        self._working = working

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        while not ready and timeout != 0 and self._working():
            ready = super().select(0.05)
        if not ready and timeout:
            self.elapsed += timeout
        return ready


class _PatientLoop(VirtualTimeLoop):
    def __init__(self, working: Callable[[], bool]) -> None:
        self._jumping = _Patient(working)  # type: ignore[assignment]
        asyncio.SelectorEventLoop.__init__(self, self._jumping)


def patiently(model: Unhurried, work: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Runs `work` to its end; time goes by only while neither the model nor a worker thread is busy."""
    limiters: list[anyio.CapacityLimiter] = []

    def working() -> bool:
        return model.working > 0 or any(each.borrowed_tokens for each in limiters)

    async def watched() -> Result:
        limiters.append(anyio.to_thread.current_default_thread_limiter())
        return await work()

    with asyncio.Runner(loop_factory=lambda: _PatientLoop(working)) as runner:
        return runner.run(watched())
