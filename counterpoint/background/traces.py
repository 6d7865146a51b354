"""One attempt at one delegation as whoever watches sees it: `process` > `invoke_agent` > inferences and tool calls.

It is told of what is read from the log and written to it, and decides nothing. The trace goes on from the entry that
asked; what an attempt before this one left behind is told from the log, for a worker that was killed tells nothing.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

import msgspec

from counterpoint import telemetry
from counterpoint.background.inference_span import Inference
from counterpoint.background.model import BackgroundModel, Step
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Asked, Body, NoteLaid, Settled, Stored, Taken
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.store import Lease
from counterpoint.telemetry import Event, Is, Label, Span, SpanKind, names

_FAILED: Final = frozenset({DelegationState.FAILED, DelegationState.EXPIRED, DelegationState.NEEDS_REVIEW})
_LOST: Final = frozenset({"no longer its own", "cut off"})


class _Before(msgspec.Struct, frozen=True):
    """An attempt that another worker began: its number, the trace that it wrote, and when."""

    attempt: int
    worker: str
    epoch: int
    trace: str | None
    taken: float


class AttemptTrace:
    """Made when the lease is granted. `backend`: the store's kind. `clock`: seconds since 1970."""

    def __init__(self, lease: Lease, backend: str, clock: Callable[[], float]) -> None:
        self._lease = lease
        self._backend = backend
        self._clock = clock
        self._taken = clock()
        self._asked: float | None = None
        self._parent: str | None = None
        self._before: _Before | None = None
        self._process: Span | None = None
        self._agent: Span | None = None
        self._first = False
        conversation = lease.delegation.conversation
        self._about: telemetry.Attributes = {Is.CONVERSATION: conversation, Is.SESSION: conversation}

    # what it is told

    def read(self, stored: Stored) -> None:
        """The log up to now: who asked, in which trace, and whose attempt was the last."""
        header, mine = stored.entry.header, self._lease.delegation.id
        match stored.entry.body:
            case Asked(delegation=delegation) if delegation.id == mine:
                self._asked, self._parent = header.at, header.trace
            case Taken(delegation=delegation, attempt=attempt) if delegation == mine:
                self._before = _Before(attempt, header.writer, header.epoch, header.trace, header.at)
                self._parent = self._parent or header.trace
            case _:
                pass

    def begin(self, upto: int) -> None:
        """The log is read up to this position, and the work begins. Its span began with the lease."""
        lease, before = self._lease, self._before
        lost = before if before is not None and before.attempt < lease.attempt else None
        told = self._tell_lost(lost) if lost else None
        links = (lost.trace, told.traceparent) if lost and told else ()
        attributes = {**self._identity(lease.attempt, lease.fence.epoch), Is.UPTO: upto}
        if told is not None:
            attributes[Is.PREVIOUS] = told.id  # not every back end keeps links
        attributes[Is.CONSUMER] = lease.fence.writer
        attributes[Is.TAKEOVER] = lease.attempt > 1
        if self._asked is not None and lease.attempt == 1:
            attributes[Is.QUEUE_WAIT] = round(max(self._taken - self._asked, 0.0) * 1000)
        self._process = telemetry.begin(
            f"{names.PROCESS} {lease.delegation.queue}", SpanKind.CONSUMER, self._taken, attributes,
            about=self._about, parent=self._parent, links=links,
        )  # fmt: skip
        self._agent = telemetry.begin(
            f"{names.INVOKE_AGENT} {names.BACKGROUND}", SpanKind.INTERNAL, self._clock(), self._of_agent(lease.attempt),
            about=self._about, parent=self._process,
        )  # fmt: skip
        self._tell(Event.TAKEN_OVER if lease.attempt > 1 else Event.ACCEPTED, self._taken)
        if lease.attempt > 1:
            telemetry.measure(names.TAKEOVERS, 1, _AGENT, self._process)
        elif self._asked is not None:
            telemetry.measure(names.QUEUE_WAIT, max(self._taken - self._asked, 0.0), _AGENT, self._process)

    def wrote(self, body: Body) -> str | None:
        """This worker writes an entry. Returns the trace to write into its header."""
        at = self._clock()
        match body:
            case NoteLaid(note=note) if not self._first and note.kind is not NoteKind.PROGRESS:
                self._first = True
                self._tell(Event.FIRST_CHUNK, at)
            case _:
                pass
        if isinstance(body, Settled):
            event = Event.FAILED if body.state in _FAILED else Event.DONE
            self._tell(event, at, {Is.ERROR: body.state.value} if event is Event.FAILED else {})
        return (self._process.traceparent if self._process else None) or self._parent

    def end(self, outcome: str) -> None:
        """`outcome`: the delegation's state, or what became of this attempt."""
        at = self._clock()
        failed = {each.value for each in _FAILED}
        for span in (self._agent, self._process):
            if span is None:
                continue
            span.set({Is.OUTCOME: outcome.replace(" ", "_")})
            if outcome in failed or outcome in _LOST:
                span.fail(outcome.replace(" ", "_"))
        if self._agent is not None:
            seconds = max(at - self._agent.began, 0.0)
            labels = {Is.OPERATION: names.INVOKE_AGENT, Is.AGENT: names.BACKGROUND}
            labels |= {Is.ERROR: outcome} if outcome in failed else {}
            telemetry.measure(names.AGENT_DURATION, seconds, labels, self._agent)
            self._agent.end(at)
        if self._process is not None:
            self._process.end(at)

    # what goes on inside

    @contextmanager
    def inference(self, model: BackgroundModel) -> Generator[Callable[[Step], None], None, None]:
        """One round of thinking. What it yields is to be told of every step of the model."""
        operation, provider = str(getattr(model, "operation", names.CHAT)), str(getattr(model, "provider", names.OURS))
        what, _, where = model.name.partition(" at ")
        labels = {Is.OPERATION: operation, Is.PROVIDER: provider, Is.MODEL: what}
        labels |= {Is.SERVER: where} if where else {}
        name = operation if what == operation else f"{operation} {what}"
        span = self._below(name, SpanKind.CLIENT, {**labels, Is.AGENT: names.BACKGROUND})
        inference = Inference(span, labels, self._clock)
        try:
            with span.current():
                yield inference.stepped
        except Exception as error:
            inference.failed(type(error).__name__)
            raise
        except BaseException:
            inference.stopped()
            raise
        finally:
            inference.end()

    @contextmanager
    def tool(self, name: str, call: str, arguments: str) -> Generator[Callable[[str, bool], None], None, None]:
        """One call, from its beginning to its end. What it yields takes the result, and whether the call failed."""
        attributes = {Is.OPERATION: names.EXECUTE_TOOL, Is.TOOL: name, Is.TOOL_TYPE: "function", Is.CALL: call}
        span = self._below(f"{names.EXECUTE_TOOL} {name}", SpanKind.INTERNAL, attributes)
        if (shown := telemetry.captured(arguments)) is not None:
            span.set({Is.ARGUMENTS: shown})
        labels = {Is.OPERATION: names.EXECUTE_TOOL, Is.TOOL: name}

        def came(result: str, failed: bool) -> None:
            if (shown := telemetry.captured(result)) is not None:
                span.set({Is.RESULT: shown})
            if failed:
                labels[Is.ERROR] = "tool_failed"
                span.fail("tool_failed")

        try:
            with span.current():
                yield came
        except Exception as error:
            labels[Is.ERROR] = type(error).__name__
            span.fail(type(error).__name__)
            raise
        except BaseException:  # the call was stopped, which is nobody's error
            labels[Is.ERROR] = "cancelled"
            span.set({Is.ERROR: "cancelled"})
            raise
        finally:
            at = self._clock()
            telemetry.measure(names.TOOL_DURATION, max(at - span.began, 0.0), labels, span)
            span.end(at)

    # how it is said

    def _below(self, name: str, kind: SpanKind, attributes: telemetry.Attributes) -> Span:
        return telemetry.begin(
            name, kind, self._clock(), {**attributes, Is.DELEGATION: self._lease.delegation.id}, about=self._about,
            parent=self._agent or self._parent,
        )  # fmt: skip

    def _tell_lost(self, lost: _Before) -> Span:
        """The attempt whose lease ran out, told by who took over: its own span never came, if its worker is dead."""
        told = {**self._identity(lost.attempt, lost.epoch), Is.CONSUMER: lost.worker}
        told |= {Is.REPORTED_BY: self._lease.fence.writer, Is.OUTCOME: "lost"}
        span = telemetry.begin(
            f"{names.PROCESS} {self._lease.delegation.queue}", SpanKind.CONSUMER, lost.taken, told,
            about=self._about, parent=self._parent, links=(lost.trace,),
        )  # fmt: skip
        span.fail("lease_expired")
        span.end(self._taken)
        return span

    def _identity(self, attempt: int, epoch: int) -> dict[str, telemetry.Value]:
        delegation = self._lease.delegation
        return {
            Is.SYSTEM: self._backend,
            Is.MESSAGING_TYPE: names.PROCESS,
            Is.MESSAGING_NAME: names.PROCESS,
            Is.QUEUE: delegation.queue,
            Is.MESSAGE: delegation.id,
            Is.DELEGATION: delegation.id,
            Is.ATTEMPT: attempt,
            Is.LEASE_EPOCH: epoch,
        }

    def _of_agent(self, attempt: int) -> telemetry.Attributes:
        return {
            Is.OPERATION: names.INVOKE_AGENT,
            Is.AGENT: names.BACKGROUND,
            Is.DELEGATION: self._lease.delegation.id,
            Is.ATTEMPT: attempt,
        }

    def _tell(self, event: Event, at: float, more: telemetry.Attributes | None = None) -> None:
        known = {Is.DELEGATION: self._lease.delegation.id, Is.ATTEMPT: self._lease.attempt}
        telemetry.emit(event, at, self._process, {**self._about, **known, **(more or {})})


_AGENT: Final[telemetry.Attributes] = {Label.AGENT: names.BACKGROUND}
