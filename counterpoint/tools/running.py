"""One running call of a tool: its task, its deadline, and those who listen to it.

A call is stopped by its deadline, or when nobody listens any more. A stopped tool has a second to clean up. One that
goes on regardless is reported and left behind, because waiting for it would hold up a conversation for as long as it
likes; that is why the task is asyncio's own and not a task group's, which would wait.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import anyio

from counterpoint.errors import lone_errors
from counterpoint.tools.context import ToolContext, ToolProgress
from counterpoint.tools.definition import Tool
from counterpoint.tools.events import Event, FailedCall, Outcome, PartialResult
from counterpoint.tools.failure import failed
from counterpoint.tools.result import Collected, returned_once

GRACE_SECONDS = 1.0
"""How long a stopped tool may clean up."""

_left_behind: set[asyncio.Task[Outcome]] = set()
"""Tasks of tools that ignored being cancelled; asyncio itself would not keep them alive until they end."""

logger = logging.getLogger(__name__)


class _Listener:
    """Progress that was not read yet gives way to newer; results are kept."""

    def __init__(self, seen: list[Event]) -> None:
        self.unread = deque(seen)
        self.wake = anyio.Event()

    def tell(self, event: Event) -> None:
        if self.unread and isinstance(event, ToolProgress) and isinstance(self.unread[-1], ToolProgress):
            self.unread.pop()
        self.unread.append(event)
        self.wake.set()


class RunningCall:
    """Starts at once. Consume `events` under `aclosing`: the call ends when the last listener leaves."""

    def __init__(self, tool: Tool[..., Any], arguments: Mapping[str, Any], context: ToolContext[Any]) -> None:
        self._tool = tool
        self._loop = asyncio.get_running_loop()
        self._listeners: list[_Listener] = []
        self._results: list[Event] = []
        self._outcome: Outcome | None = None
        self._stopped: FailedCall | None = None
        self._done = anyio.Event()
        context = replace(context, report=self._report)
        self._task = asyncio.create_task(self._run(arguments, context))  # noqa: TID251 (see the head of this file)
        self._task.add_done_callback(self._ended)
        self._timer = self._loop.call_later(tool.options.timeout, self._time_out)

    @property
    def over(self) -> bool:
        return self._outcome is not None

    async def events(self) -> AsyncGenerator[Event, None]:
        """Everything from the first result on, to the one outcome. Progress of the past is not repeated."""
        listener = _Listener(self._results)
        self._listeners.append(listener)
        try:
            while True:
                while listener.unread:
                    yield (event := listener.unread.popleft())
                    if isinstance(event, Outcome):
                        return
                listener.wake = anyio.Event()
                await listener.wake.wait()
        finally:
            self._listeners.remove(listener)
            if not self._listeners:
                await self.stop(f"{self._tool.name} was stopped: nobody waits for it any more")

    async def stop(self, reason: str) -> None:
        """Cancel the call and wait until it has cleaned up, a second at most."""
        self._stop(FailedCall(reason, retryable=self._tool.idempotent))
        with anyio.CancelScope(shield=True):
            await self._done.wait()

    def _time_out(self) -> None:
        reason = f"{self._tool.name} was stopped: it took longer than {self._tool.options.timeout:g} seconds"
        self._stop(FailedCall(reason, retryable=self._tool.idempotent))

    def _stop(self, stopped: FailedCall) -> None:
        if self._outcome or self._stopped:
            return
        if self._tool.effects == "write":
            told = f"{stopped.reason}; whether it changed anything is not known"
            stopped = FailedCall(told, retryable=stopped.retryable, unsure=True)
        self._stopped = stopped
        self._task.cancel()
        self._limit_the_rest()

    def _limit_the_rest(self) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_later(GRACE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        """It had its second: interrupt the cleaning up as well, and wait no longer."""
        self._task.cancel()
        _left_behind.add(self._task)
        self._task.add_done_callback(_left_behind.discard)
        logger.warning("tool %s ignored being cancelled and was left running", self._tool.name)
        stopped = self._stopped or FailedCall(f"{self._tool.name} was stopped")
        told = f"{stopped.reason}; it did not stop within {GRACE_SECONDS:g} second, and nobody waits for it any more"
        self._settle(FailedCall(told, unsure=stopped.unsure))
        self._done.set()

    async def _run(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> Outcome:
        try:
            with lone_errors():
                if self._tool.streams:
                    return await self._stream(self._tool.start(arguments, context))
                return returned_once(await self._tool.start(arguments, context), self._tool.options.max_result)
        except (Exception, SystemExit) as error:
            logger.debug("tool %s raised", self._tool.name, exc_info=True)
            return failed(self._tool, error)

    async def _stream(self, items: AsyncGenerator[object, None]) -> Outcome:
        collected = Collected(self._tool.options.max_result)
        async with aclosing(items):
            async for item in items:
                if partial := collected.add(item):
                    self._tell(partial)
                    self._results.append(partial)
                if collected.full:
                    self._settle(collected.returned())
                    self._limit_the_rest()
                    break
        return collected.returned()

    def _report(self, progress: ToolProgress) -> None:
        """Called by the tool, which may be in a worker thread."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._loop.call_soon_threadsafe(self._tell, progress)
        else:
            self._tell(progress)

    def _tell(self, event: PartialResult | ToolProgress | Outcome) -> None:
        if not self._outcome or event is self._outcome:
            for listener in self._listeners:
                listener.tell(event)

    def _settle(self, outcome: Outcome) -> None:
        if not self._outcome:
            self._outcome = outcome
            self._results.append(outcome)
            self._tell(outcome)

    def _ended(self, task: "asyncio.Task[Outcome]") -> None:
        self._timer.cancel()
        self._settle(self._outcome_of(task))
        self._done.set()

    def _outcome_of(self, task: "asyncio.Task[Outcome]") -> Outcome:
        """A result that came while the tool was being stopped still counts; a failure then is our doing."""
        if task.cancelled():
            return self._stopped or FailedCall(f"{self._tool.name} failed: it was cancelled from within")
        if error := task.exception():
            return failed(self._tool, error)
        outcome = task.result()
        return (self._stopped or outcome) if isinstance(outcome, FailedCall) else outcome
