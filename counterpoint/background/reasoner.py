"""The reasoner: one attempt at one delegation, from its lease to its end. What is to be done next, `reasoning` decides.

Everything that happens is handled where it happens, without waiting, so that a step of the model is in the log one
pass of the event loop later. Every attempt ends once: settled (with a note, unless it was withdrawn), given back, or
lost to another worker.
"""

import enum
import logging
from contextlib import suppress
from typing import Any, assert_never

import anyio
import msgspec
from anyio.abc import TaskGroup

from counterpoint.background.approval import Approvals, ObjectionWindow
from counterpoint.background.attempt import Attempt
from counterpoint.background.failures import Failure, sentence
from counterpoint.background.heartbeat import Heartbeat
from counterpoint.background.model import Answer, BackgroundModel, Call
from counterpoint.background.progress import Progress
from counterpoint.background.reasoning import (
    Corrected,
    Doing,
    Finish,
    Happening,
    PassOn,
    Reasoning,
    Reported,
    Returned,
    Revoke,
    Run,
    StopThinking,
    Tell,
    Think,
    TimeIsUp,
    begin,
    react,
)
from counterpoint.background.recollection import Recollection
from counterpoint.background.retractions import Retractions
from counterpoint.background.thinking import Thinking
from counterpoint.background.tool_calls import ToolCalls
from counterpoint.background.watch import Watch
from counterpoint.config import NOTE_TTL_SECONDS
from counterpoint.errors import ConversationClosed, Fenced, StoreError, UnknownConversation, lone_errors
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import NoteLaid, Settled, Taken
from counterpoint.shared_context.ids import Position
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.tools.call import Calls
from counterpoint.tools.toolbox import Toolbox

FAREWELL_SECONDS = 10.0
"""How long after the work's time its last entries are still offered to a store that does not answer."""

RELEASE_SECONDS = 1.0
"""How long it may take to give a delegation back, or to tell what came of one that is over."""

LAST_WORDS_SECONDS = 5.0
"""How long a worker that closes waits for a store that does not take an answer. Another worker finds it anew then."""

RETRACTED = "An earlier attempt at this broke off; it is being done again."

logger = logging.getLogger(__name__)


class Ending(enum.Enum):
    """`OVER`: withdrawn, ended with its conversation, or somebody else's by now. `CUT_OFF`: the store took nothing any
    more; when the lease has run out, another worker gets it. `RELEASED`: given back.
    """

    SETTLED = "settled"
    OVER = "over"
    CUT_OFF = "cut off"
    RELEASED = "released"


_STATES = {Failure.TIME: DelegationState.EXPIRED, Failure.INTERRUPTED_WRITE: DelegationState.NEEDS_REVIEW}
"""All other failures are `FAILED`."""


class Reasoner:
    """`running`: the calls of the whole worker. `state`: the application's, for its tools."""

    def __init__(
        self, attempt: Attempt, model: BackgroundModel, toolbox: Toolbox, running: Calls, *, state: Any = None
    ) -> None:
        self._attempt = attempt
        self._toolbox = toolbox
        self._running = running
        self._state = state
        self._window = ObjectionWindow()
        self._approvals = Approvals(attempt)
        self._recollection = Recollection(attempt.delegation.id, None)
        self._calls = self._new_calls()
        self._reasoning = Reasoning(attempt.limits, frozenset(tool.name for tool in toolbox if tool.effects == "write"))
        self._thinking = Thinking(attempt, model, toolbox.schemas(), self._happened)
        self._progress = Progress(self._tell_progress)
        self._retractions = Retractions()
        self._watch = Watch(
            attempt,
            self._window,
            self._approvals,
            self._retractions,
            corrected=lambda text: self._happened(Corrected(text)),
            over=lambda: self._end(Ending.OVER),
        )
        self._heartbeat = Heartbeat(attempt.store, attempt.lease, self.lose)
        self._failure = Failure.INTERNAL
        self._ending: Ending | None = None
        self._settled: DelegationState | None = None
        self._unstopped = False
        self._work = anyio.CancelScope()
        self._tasks: TaskGroup | None = None
        self._sent = anyio.Event()
        self._seeing_through = anyio.CancelScope()

    @property
    def overdue(self) -> bool:
        """The lease should have been renewed by now."""
        return self._heartbeat.overdue

    @property
    def outcome(self) -> str:
        """How it ended, for the operator: the delegation's state, or what became of this attempt."""
        if self._ending is Ending.SETTLED and self._settled is not None:
            return "no longer its own" if self._attempt.writer.waiting else self._settled.value
        return (self._ending or Ending.CUT_OFF).value

    def stop(self) -> None:
        """Give the delegation back, once the writes in flight have ended. What is settled already is seen through, for
        as long as the store may take for that.
        """
        self._end(Ending.RELEASED)
        self._seeing_through.deadline = anyio.current_time() + LAST_WORDS_SECONDS

    def lose(self) -> None:
        """Somebody else has it, or nobody wants it any more."""
        self._end(Ending.OVER)

    async def run(self) -> None:
        """Cancel it by `stop` or `lose` only: it has to end what it has begun."""
        until = anyio.current_time() + self._attempt.delegation.seconds + FAREWELL_SECONDS
        with lone_errors():
            async with anyio.create_task_group() as services:
                services.start_soon(self._send, until)
                services.start_soon(self._heartbeat.run)
                await self._worked()
                await self._close(until)
                services.cancel_scope.cancel()

    # the course of the work

    async def _worked(self) -> None:
        try:
            with lone_errors(), self._work:
                async with anyio.create_task_group() as tasks:
                    self._tasks = tasks
                    await self._begin(tasks)
                    await anyio.sleep_until(self._watch.deadline)
                    self._happened(TimeIsUp())
                    self._fail(Failure.TIME)
        except UnknownConversation:
            self._end(Ending.OVER)
        except Exception:
            logger.exception("delegation %s failed inside the worker", self._attempt.delegation.id)
            self._fail(Failure.INTERNAL)

    async def _begin(self, tasks: TaskGroup) -> None:
        attempt = self._attempt
        await self._watch.read()
        self._recollection = Recollection(attempt.delegation.id, attempt.timeline.work(attempt.delegation.id))
        for answer in self._recollection.answers:
            self._approvals.answered(answer)
        self._calls = self._new_calls()
        self._retractions.begin(note.id for note in self._recollection.unvoiced)
        tasks.start_soon(self._watch.run)
        tasks.start_soon(self._progress.run)
        attempt.trace.begin(attempt.upto)
        attempt.writer.write(Taken(attempt.delegation.id, attempt.lease.attempt))
        for note in self._recollection.unvoiced:
            attempt.lay(attempt.notepad.retraction(note.id, RETRACTED, attempt.upto))
        if self._recollection.interrupted:
            self._fail(Failure.INTERRUPTED_WRITE)
            return
        await self._retractions.answered()
        self._watch.live = True
        told = msgspec.structs.replace(self._reasoning, observations=self._recollection.observations)
        self._decided(*begin(told))

    def _happened(self, happening: Happening) -> None:
        try:
            self._decided(*react(self._reasoning, happening))
        except Exception:
            logger.exception("delegation %s: %r was not handled", self._attempt.delegation.id, type(happening))
            self._fail(Failure.INTERNAL)

    def _decided(self, reasoning: Reasoning, doings: tuple[Doing, ...]) -> None:
        self._reasoning = reasoning
        for doing in doings:
            self._do(doing)

    def _do(self, doing: Doing) -> None:
        if self._ending is not None or self._tasks is None:
            return
        match doing:
            case Think():
                self._thinking.begin(doing, self._tasks)
            case StopThinking():
                self._thinking.stop()
            case Run(number=number, call=call):
                self._tasks.start_soon(self._call, number, call, self._thinking.upto)
            case Revoke():
                self._calls.revoke()
            case Tell(kind=kind, text=text):
                self._tell(Reported(kind, text, upto=self._thinking.upto))
            case PassOn(report=report):
                self._tell(report)
            case Finish(outcome=outcome):
                self._finish(outcome)
            case _ as never:
                assert_never(never)

    async def _call(self, number: int, call: Call, upto: Position) -> None:
        observation = await self._calls.run(number, call, upto)
        self._happened(Returned(number, observation))

    # what the person is told

    def _tell(self, report: Reported) -> None:
        if report.kind is NoteKind.PROGRESS:
            self._progress.offer(report.text)
            return
        if self._was_voiced(report.text):
            return
        notepad = self._attempt.notepad
        self._attempt.lay(
            notepad.partial(report.text, report.upto, delivery=report.delivery, ttl=report.ttl, sources=report.sources)
        )

    def _was_voiced(self, text: str) -> bool:
        """An earlier attempt has said just this to the person, perhaps only a moment ago."""
        earlier = {note.id for note in self._recollection.notes}
        work = self._attempt.timeline.work(self._attempt.delegation.id)
        notes = work.notes if work else ()
        return any(note.voiced and note.text == text.strip() and note.id in earlier for note in notes)

    def _tell_progress(self, text: str) -> None:
        self._attempt.lay(self._attempt.notepad.progress(text, self._thinking.upto))

    def _result(self, answer: Answer) -> Note:
        work = self._attempt.timeline.work(self._attempt.delegation.id)
        return self._attempt.notepad.result(
            answer,
            self._thinking.upto,
            work.notes if work else (),
            delivery=self._calls.delivery,
            ttl=self._calls.ttl(NOTE_TTL_SECONDS),
            corrected=self._watch.corrected_at,
        )

    def _apology(self, failure: Failure) -> Note:
        unsure = (*self._recollection.interrupted, *self._calls.unsure)
        text = sentence(failure, self._attempt.delegation.request, done=self._calls.done, unsure=unsure)
        return self._attempt.notepad.failure(text, self._attempt.upto)

    # how it ends

    def _finish(self, outcome: Answer | Failure) -> None:
        if isinstance(outcome, Failure):
            self._fail(outcome)
            return
        self._settle(DelegationState.DONE, "", self._result(outcome))
        self._end(Ending.SETTLED)

    def _fail(self, failure: Failure) -> None:
        """The person is told when it is known what came of the writes in flight."""
        if self._ending is not None:
            return
        self._failure = failure
        self._end(Ending.SETTLED)
        if not self._calls.writing:
            self._settle_failed()

    def _settle_failed(self) -> None:
        state = _STATES.get(self._failure, DelegationState.FAILED)
        self._settle(state, self._failure.value, self._apology(self._failure))

    def _settle(self, state: DelegationState, reason: str, *notes: Note) -> None:
        self._settled = state
        settled = Settled(self._attempt.delegation.id, state, reason, self._reasoning.spent.tokens)
        last_words = (*self._calls.last_words(), *self._approvals.last_words())
        self._attempt.writer.close(*last_words, *(NoteLaid(note) for note in notes), settled)

    def _end(self, ending: Ending) -> None:
        """The first ending counts. Everything stops at once, but for writes in flight."""
        if self._ending is None:
            self._ending = ending
            self._unstopped = self._calls.writing
            self._work.cancel()

    async def _close(self, until: float) -> None:
        match self._ending:
            case Ending.SETTLED:
                if not self._attempt.writer.closed:
                    self._settle_failed()
                with self._seeing_through:
                    await self._sent.wait()
                if not self._sent.is_set():
                    logger.error("delegation %s: its end could not be written", self._attempt.delegation.id)
                    self._ending = Ending.CUT_OFF
            case Ending.RELEASED:
                with anyio.move_on_after(RELEASE_SECONDS), suppress(StoreError):
                    await self._attempt.writer.sent()
                    await self._attempt.store.release(self._attempt.lease)
            case Ending.OVER if self._unstopped:
                self._settle(DelegationState.WITHDRAWN, "")  # refused, if somebody else has it
                with anyio.move_on_after(RELEASE_SECONDS), suppress(StoreError):
                    await self._sent.wait()
                    await self._attempt.writer.run(until)
            case Ending.OVER | Ending.CUT_OFF | None:
                pass

    async def _send(self, until: float) -> None:
        try:
            await self._attempt.writer.run(until)
        except (Fenced, ConversationClosed, UnknownConversation):
            self._end(Ending.OVER)
        except StoreError:
            logger.exception("delegation %s: its entries could not be written", self._attempt.delegation.id)
            self._end(Ending.CUT_OFF)
        finally:
            self._sent.set()

    def _new_calls(self) -> ToolCalls:
        return ToolCalls(
            self._attempt,
            self._toolbox,
            self._running,
            self._recollection,
            self._window,
            self._approvals,
            state=self._state,
            report=self._happened,
        )
