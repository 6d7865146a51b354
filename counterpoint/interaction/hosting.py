"""Opening and leaving a session: its three tasks (beats, journal, follower), and the order of shutdown."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import anyio

from counterpoint import telemetry
from counterpoint.errors import ConversationClosed, Fenced, StoreError, lone_errors
from counterpoint.interaction.assembly import assemble
from counterpoint.interaction.follower import Follower
from counterpoint.interaction.journal import Journal
from counterpoint.interaction.known_log import KnownLog, known_log
from counterpoint.interaction.metronome import Metronome, slot
from counterpoint.interaction.model import InteractionModel, Weaving
from counterpoint.interaction.note_ids import NoteIds
from counterpoint.interaction.opening import Hosting, Streams, opened_by, terms_of
from counterpoint.interaction.policy import Policy, name_of, weave_at_once
from counterpoint.interaction.sending import hand_in
from counterpoint.interaction.session import Session
from counterpoint.interaction.taking_up import NOBODY, going_on, of_use
from counterpoint.interaction.traces import Traces
from counterpoint.shared_context.entries import (
    Amended,
    Closed,
    Degraded,
    Failed,
    Left,
    NoteDropped,
    Opened,
    Recovered,
    Stored,
    TooLate,
)
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.store import ContextStore, Fence
from counterpoint.telemetry import names

FLUSH_SECONDS = 5.0
"""How long leaving a session waits for a store that does not take the last entries."""

LAST_STEP_SECONDS = 10.0
"""How long leaving a session waits for a step that is still going on."""

HAND_IN_SECONDS = 5.0
"""How long a fenced host tries to leave what it still held."""


@asynccontextmanager
async def host(
    hosting: Hosting, *, store: ContextStore, model: InteractionModel, policy: Policy, clock: Callable[[], float]
) -> AsyncGenerator[Session, None]:
    """Live while the block lasts. Leaving it finishes the step, writes what is left, and ends every task."""
    opening = await store.open(hosting.conversation, hosting.writer)
    traces = Traces(
        hosting.conversation,
        opening.fence.epoch,
        queue=hosting.queue,
        policy=name_of(policy).rpartition(":")[2],
        engine=model.capabilities.name,
        backend=telemetry.backend_of(store),
        clock=clock,
    )
    log = await known_log(store, opening.fence, opening.tail, traces.read)
    live = _Live(hosting, opening.fence, log, store, model, policy, clock, traces)
    telemetry.measure(names.SESSION_ACTIVE, 1, {})
    try:
        with lone_errors(), telemetry.outbox(lambda: live.journal.waiting):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(live.keep_journal)
                tasks.start_soon(live.follow)
                tasks.start_soon(live.beat)
                try:
                    yield live.session
                finally:
                    await live.leave()
        live.loop.output.raise_unseen()
    finally:
        traces.leave("left")
        telemetry.measure(names.SESSION_ACTIVE, -1, {})


class _Live:
    """A cancelled application does not cut the tasks off; `leave` ends them in order."""

    def __init__(
        self,
        hosting: Hosting,
        fence: Fence,
        log: KnownLog,
        store: ContextStore,
        model: InteractionModel,
        policy: Policy,
        clock: Callable[[], float],
        traces: Traces,
    ) -> None:
        self._hosting = hosting
        self._fence = fence
        self._store = store
        self._traces = traces
        self._done = anyio.Event()
        self._written = anyio.Event()
        self._fenced = False
        self._sending = anyio.CancelScope()
        self._scopes: list[anyio.CancelScope] = []
        date, timeline, capabilities = clock(), log.timeline, model.capabilities
        token, refused = of_use(hosting.resume, timeline, date)
        going = going_on(timeline, token, date)
        policy = weave_at_once if capabilities.weaving is Weaving.MODEL else policy
        terms = terms_of(hosting, capabilities, policy, timeline)
        opened = opened_by(hosting, capabilities, terms, timeline, token)
        self.journal = Journal(store, fence, keeping=log.keeping, clock=clock, tell=self._tell, traces=traces)
        self.loop = assemble(
            timeline,
            opened,
            terms,
            epoch=fence.epoch,
            date=date,
            capabilities=capabilities,
            policy=policy,
            metronome=Metronome(slot(anyio.current_time(), hosting.phase, late=timeline.tail > 0), going),
            open_stream=Streams(hosting, model, log).open,
            stream_failed=self._stream_failed,
            journal=self.journal,
            idle_beats=hosting.idle_beats,
            traces=traces,
        )
        self._follower = Follower(store, log, self.journal, self._arrived)
        self.session = Session(self.loop, hosting.conversation, hosting.session, NoteIds("a", fence.epoch), refused)
        self._begin(opened, date, refused, going)
        self.loop.wishes.extend(timeline.promised())
        traces.take_up(timeline.unsettled(), (laid.note for laid in timeline.pending_notes()), going)

    def _begin(self, opened: Opened, date: float, refused: str, going: Beat) -> None:
        self.journal.write(opened, opened.start, at=date)
        if refused:
            self.journal.write(Failed("resume token", refused), opened.start)
        if going > opened.start:
            self.loop.skip(going, NOBODY)

    # The tasks

    async def beat(self) -> None:
        try:
            with self._sheltered():
                await self.loop.run()
        except Exception as error:  # noqa: BLE001 (whatever ended the loop is raised where the listener iterates)
            self.loop.output.end(error)
        finally:
            self.loop.output.end()
            self._done.set()

    async def keep_journal(self) -> None:
        try:
            with self._sheltered() as self._sending:
                await self.journal.run()
        except Fenced as error:
            self._taken_over(error)
        except Exception as error:  # noqa: BLE001 (this host may not write any more: the listener is told)
            self._end(error)
        if self._fenced:
            await self._hand_in()
        self._written.set()

    async def follow(self) -> None:
        with self._sheltered():
            try:
                await self._follower.run()
            except StoreError as error:
                self._end(error)
            else:
                self._ended_elsewhere()

    async def leave(self) -> None:
        """The order of shutdown: the step, the stream, what is undelivered, the last entry, the journal."""
        with anyio.CancelScope(shield=True):
            self.session.shut()
            self.loop.stop()
            with anyio.move_on_after(LAST_STEP_SECONDS):
                await self._done.wait()
            with anyio.move_on_after(FLUSH_SECONDS):
                await self._write_the_rest()
            self.journal.report_unwritten()
            for scope in self._scopes:
                scope.cancel()

    async def _write_the_rest(self) -> None:
        if self._fenced:
            await self._written.wait()
        elif not self._written.is_set():
            self._last_entries()
            await self.journal.flushed()

    def _last_entries(self) -> None:
        self.loop.record_unlived()
        if self._hosting.keep and not self.session.end_reason:
            self.journal.write(Left(), self.loop.next)
            return
        for drop in self.loop.leave():
            self.journal.write(NoteDropped(drop.note, drop.reason), self.loop.next)
        self.journal.write(Closed(self.session.end_reason or "the session was left"), self.loop.next)

    async def _hand_in(self) -> None:
        """What the step under way still comes to belongs to it, if it comes soon."""
        with anyio.move_on_after(HAND_IN_SECONDS, shield=True):
            with anyio.move_on_after(HAND_IN_SECONDS / 2):
                await self._done.wait()
            await hand_in(self._store, self._fence, self.journal.hand_in())

    def _sheltered(self) -> anyio.CancelScope:
        scope = anyio.CancelScope(shield=True)
        self._scopes.append(scope)
        return scope

    # What they tell each other

    def _arrived(self, stored: Stored) -> None:
        header, body = stored.entry.header, stored.entry.body
        if isinstance(body, Opened) and header.epoch > self._fence.epoch:
            self._taken_over(Fenced(f"{self._hosting.conversation!r} was taken over by {header.writer!r}"))
            return
        own = header.writer == self._fence.writer and header.epoch == self._fence.epoch
        if own:
            self.journal.followed(header.seq)
        else:
            self._traces.followed(stored, self.loop.next)
        if not own or isinstance(body, Amended):
            self._tell(stored)

    def _tell(self, arrival: Stored | TooLate | Degraded | Recovered) -> None:
        self.loop.arrivals.add(arrival)
        self.loop.stir()

    def _stream_failed(self, reason: str, beat: Beat) -> None:
        self.journal.write(Failed("stream", reason), beat)

    def _taken_over(self, error: Fenced) -> None:
        """Another host has the conversation: this one says nothing more, and leaves what it still holds."""
        if not self._fenced:
            self._fenced = True
            self._end(error, at_once=True)
            self._sending.cancel()

    def _ended_elsewhere(self) -> None:
        """There is nothing left to follow. Unless this host ended the conversation, somebody else did."""
        if not self.loop.stopped:
            self._end(ConversationClosed("the conversation was ended, or forgotten, by somebody else"))

    def _end(self, error: Exception, *, at_once: bool = False) -> None:
        self.loop.output.end(error, at_once=at_once)
        self.loop.stop()
