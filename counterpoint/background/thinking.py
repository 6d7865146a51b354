"""Runs a background model round by round, one at a time, and says what it yields. It knows neither tools nor notes.

A model that yields without ever waiting must not hold up the event loop, so every step is followed by a checkpoint.
"""

import logging
from collections.abc import Callable
from contextlib import aclosing

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from counterpoint.background.attempt import Attempt
from counterpoint.background.model import BackgroundModel, Step
from counterpoint.background.reasoning import RoundEnded, Stepped, Think
from counterpoint.errors import ModelFailed
from counterpoint.shared_context.ids import Position
from counterpoint.tools.schema import ToolSchema

logger = logging.getLogger(__name__)


class Thinking:
    """`upto`: the newest log entry that the model had before it when its latest round began."""

    def __init__(
        self,
        attempt: Attempt,
        model: BackgroundModel,
        tools: tuple[ToolSchema, ...],
        happened: Callable[[Stepped | RoundEnded], None],
    ) -> None:
        self.upto = Position(0)
        self._attempt = attempt
        self._model = model
        self._tools = tools
        self._happened = happened
        self._round = anyio.CancelScope()
        self._turn = anyio.Lock()

    def begin(self, think: Think, tasks: TaskGroup) -> None:
        self._round = anyio.CancelScope()
        tasks.start_soon(self._run, think, self._round)

    def stop(self) -> None:
        self._round.cancel()

    async def _run(self, think: Think, scope: anyio.CancelScope) -> None:
        """A round that was stopped lets go of what it holds before the next one begins."""
        failed = False
        with scope:
            async with self._turn:
                try:
                    await self._stream(think, scope)
                except Exception:
                    logger.exception("background model %s failed", self._model.name)
                    failed = True
        self._happened(RoundEnded(think.round, failed))

    async def _stream(self, think: Think, scope: anyio.CancelScope) -> None:
        package = self._attempt.package()
        self.upto = package.upto
        with self._attempt.trace.inference(self._model) as stepped:
            async with aclosing(self._model.think(package, self._tools, think.observations)) as steps:
                async for step in steps:
                    stepped(_step(step))
                    self._happened(Stepped(think.round, step))
                    if scope.cancel_called:
                        return
                    await anyio.lowlevel.checkpoint()


def _step(step: object) -> Step:
    if not isinstance(step, Step):
        raise ModelFailed(f"it yielded a {type(step).__name__}, which is no step")
    return step
