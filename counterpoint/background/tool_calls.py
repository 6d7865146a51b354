"""The tool calls of one attempt: what is checked and waited for before a call, and what is written around it.

Reads can be stopped at any time. A write waits for approval, for the objection window, and until the store has its
`ToolCalled`; from then on it runs to its end, whatever happens to the work, and its outcome is written down.
"""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel

from counterpoint.background.approval import Approvals, ObjectionWindow
from counterpoint.background.attempt import Attempt
from counterpoint.background.model import Call, Observation
from counterpoint.background.notepad import writable
from counterpoint.background.reasoning import Reported
from counterpoint.background.recollection import Recollection, canonical, number_of
from counterpoint.errors import ToolError
from counterpoint.shared_context.entries import Body, ToolCalled, ToolReturned
from counterpoint.shared_context.escaping import shorten
from counterpoint.shared_context.ids import CallId, Position
from counterpoint.shared_context.notes import Delivery, NoteKind
from counterpoint.tools.call import Calls
from counterpoint.tools.context import ToolContext, ToolProgress
from counterpoint.tools.definition import Tool
from counterpoint.tools.events import FailedCall, Outcome, PartialResult, Returned
from counterpoint.tools.toolbox import Toolbox

MAX_NAME = 64
MAX_ARGUMENTS = 100_000
"""Characters that are written down of what a model calls a tool, and of what it passes."""

CORRECTED = "not run: the request was corrected meanwhile; call it again if it is still wanted"
OVER = "stopped: the work was over"
NOT_BEGUN = "not run: it was stopped before it began"
IN_DOUBT = "not run again: it is not known whether the same call before has changed anything"


@dataclass
class _Active:
    """A call under way. `id` is given when it is going to be run; `announced`: its `ToolCalled` is written."""

    scope: anyio.CancelScope
    write: bool
    id: CallId | None = None
    announced: bool = False
    begun: bool = False


class ToolCalls:
    """`running`: of the whole worker, so that identical calls of one conversation meet. `state`: the application's.
    `report`: what a running tool has to pass on already.
    """

    def __init__(
        self,
        attempt: Attempt,
        toolbox: Toolbox,
        running: Calls,
        recollection: Recollection,
        window: ObjectionWindow,
        approvals: Approvals,
        *,
        state: Any,
        report: Callable[[Reported], None],
    ) -> None:
        self.done: list[str] = [*recollection.done]
        self.unsure: list[str] = []
        self._attempt = attempt
        self._toolbox = toolbox
        self._running = running
        self._recollection = recollection
        self._window = window
        self._approvals = approvals
        self._state = state
        self._report = report
        self._active: dict[int, _Active] = {}
        self._used: list[Tool[..., Any]] = []
        self._in_doubt: set[tuple[str, str]] = set()
        self._limiter = anyio.CapacityLimiter(attempt.limits.concurrent_calls)

    @property
    def writing(self) -> bool:
        """Something is being changed right now."""
        return any(active.write and active.begun for active in self._active.values())

    @property
    def delivery(self) -> Delivery:
        """How an answer made of these calls wants to be woven: never silently, for the person asked for it."""
        urgent = any(tool.options.delivery is Delivery.INTERRUPT for tool in self._used)
        return Delivery.INTERRUPT if urgent else Delivery.WHEN_IDLE

    def ttl(self, longest: float) -> float:
        """For how many seconds such an answer is worth saying."""
        return min([longest, *(tool.options.ttl for tool in self._used)])

    def revoke(self) -> None:
        """Stop the writes that have not begun."""
        for active in self._active.values():
            if active.write and not active.begun:
                active.scope.cancel()

    def last_words(self) -> list[Body]:
        """What is left to be written of calls that stop because the work is over."""
        return [
            self._returned(active.id, OVER if active.begun else NOT_BEGUN, failed=True)
            for active in self._active.values()
            if active.id and active.announced and not (active.write and active.begun)
        ]

    async def run(self, number: int, call: Call, upto: Position) -> Observation:
        """What came of it. `upto`: the newest log entry that the model knew of when it made the call."""
        tool, scope = self._toolbox.find(call.tool), anyio.CancelScope()
        active = self._active[number] = _Active(scope, write=tool is not None and tool.effects == "write")
        with scope:
            try:
                if tool is None:
                    return self._refused(call, self._toolbox.unknown(writable(call.tool)[:MAX_NAME]).reason)
                return await self._checked(active, tool, call, upto)
            finally:
                del self._active[number]
        if active.announced:
            return Observation(CORRECTED, call, failed=True)
        return self._refused(call, CORRECTED, active.id)

    async def _checked(self, active: _Active, tool: Tool[..., Any], call: Call, upto: Position) -> Observation:
        arguments = _written(call)
        if found := self._recollection.reuse(tool.name, arguments):
            self._used.append(tool)
            return Observation(found.result or "", call)
        try:
            tool.read(arguments)
        except ToolError as error:
            return self._refused(call, str(error))
        if (tool.name, canonical(arguments)) in self._in_doubt:
            return self._refused(call, IN_DOUBT)
        question = writable(tool.approval_question(arguments) or "")
        active.id = self._recollection.identify(tool.name, arguments, question)
        if question:
            voiced = self._recollection.was_voiced(question)
            if refusal := await self._approvals.refusal(active.id, question, voiced=voiced):
                return self._refused(call, refusal, active.id)
        if active.write:
            await self._window.closed()
        async with self._limiter:
            return await self._begun(active, active.id, tool, call, upto)

    async def _begun(
        self, active: _Active, call_id: CallId, tool: Tool[..., Any], call: Call, upto: Position
    ) -> Observation:
        began, arguments = anyio.current_time(), _written(call)
        self._attempt.writer.write(self._called(call_id, tool.name, arguments, tool))
        active.announced = True
        if active.write:
            await self._known_of(call_id)
        active.begun = True
        with self._attempt.trace.tool(tool.name, call_id, arguments) as came:
            outcome = await self._outcome(tool, arguments, call_id, upto)
            text, failed = self._text(outcome), isinstance(outcome, FailedCall)
            came(text, failed)
        self._attempt.writer.write(self._returned(call_id, text, failed=failed, seconds=anyio.current_time() - began))
        self._remember(tool, arguments, outcome)
        return Observation(text, call, failed)

    async def _known_of(self, call_id: CallId) -> None:
        """A write that nobody would know of after a crash does not begin."""
        known = False
        try:
            await self._attempt.writer.sent()
            known = True
        finally:
            if not known:
                self._attempt.writer.write(self._returned(call_id, NOT_BEGUN, failed=True))

    async def _outcome(self, tool: Tool[..., Any], arguments: str, call_id: CallId, upto: Position) -> Outcome:
        outcome: Outcome = FailedCall(f"{tool.name} ended without a result")
        with anyio.CancelScope(shield=tool.effects == "write"):
            async with aclosing(self._running.run(tool, arguments, self._context(call_id))) as events:
                async for event in events:
                    match event:
                        case PartialResult():
                            self._report(_partial(event, tool, upto))
                        case ToolProgress(text=text):
                            self._report(Reported(NoteKind.PROGRESS, text, upto=upto))
                        case Returned() | FailedCall():
                            outcome = event
                    await anyio.lowlevel.checkpoint()
        return outcome

    def _context(self, call_id: CallId) -> ToolContext[Any]:
        delegation = self._attempt.delegation
        return ToolContext(
            conversation=delegation.conversation,
            delegation=delegation.id,
            call=call_id,
            sequence=number_of(call_id),
            attempt=self._attempt.lease.attempt,
            state=self._state,
            packaged=self._attempt.package,
        )

    def _text(self, outcome: Outcome) -> str:
        limit = self._attempt.limits.result_characters
        if isinstance(outcome, Returned):
            return shorten(writable(outcome.text), limit)
        return shorten(writable(outcome.reason), limit) + (" (It may be tried again.)" if outcome.retryable else "")

    def _remember(self, tool: Tool[..., Any], arguments: str, outcome: Outcome) -> None:
        if isinstance(outcome, Returned):
            self._used.append(tool)
            if tool.effects == "write":
                self.done.append(tool.name)
        elif outcome.unsure:
            self.unsure.append(tool.name)
            if not tool.idempotent:
                self._in_doubt.add((tool.name, canonical(arguments)))

    def _refused(self, call: Call, reason: str, call_id: CallId | None = None) -> Observation:
        """A call that was not run stands in the log like one that failed."""
        name, arguments = writable(call.tool)[:MAX_NAME], _written(call)
        call_id = call_id or self._recollection.identify(name, arguments, "")
        called = self._called(call_id, name, shorten(arguments, MAX_ARGUMENTS), self._toolbox.find(call.tool))
        self._attempt.writer.write(called, self._returned(call_id, reason, failed=True))
        return Observation(reason, call, failed=True)

    def _called(self, call_id: CallId, name: str, arguments: str, tool: Tool[..., Any] | None) -> ToolCalled:
        effects, idempotent = (tool.effects, tool.idempotent) if tool else ("read", True)
        return ToolCalled(self._attempt.delegation.id, call_id, name, arguments, effects, idempotent)

    def _returned(self, call_id: CallId, text: str, *, failed: bool, seconds: float = 0.0) -> ToolReturned:
        return ToolReturned(self._attempt.delegation.id, call_id, text, failed, seconds)


def _written(call: Call) -> str:
    return writable(call.arguments).strip() or "{}"


def _partial(event: PartialResult, tool: Tool[..., Any], upto: Position) -> Reported:
    """Text is told as the tool wants it told; structured data is for the context, nobody says it aloud."""
    data = event.text.lstrip().startswith(("{", "["))
    delivery = Delivery.SILENT if data else tool.options.delivery
    return Reported(NoteKind.PARTIAL, event.text, delivery, tool.options.ttl, event.sources, upto)
