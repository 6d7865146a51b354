"""Opening and leaving a session: its tasks, how it begins (anew, or from the log), and the order of shutdown."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager

import anyio
import msgspec

from counterpoint import telemetry
from counterpoint.config import BEAT_SECONDS, HORIZON_BEATS
from counterpoint.errors import (
    ConversationClosed,
    Fenced,
    Rewound,
    StoreError,
    StoreUnavailable,
    TokenRefused,
    UnknownConversation,
    lone_errors,
)
from counterpoint.interaction.arrivals import Arrivals
from counterpoint.interaction.beat_loop import BeatLoop
from counterpoint.interaction.delegations import Delegations
from counterpoint.interaction.intake import Intake
from counterpoint.interaction.journal import Journal
from counterpoint.interaction.keeping import Keeping
from counterpoint.interaction.metronome import Metronome
from counterpoint.interaction.model import InteractionModel, Start, Stream, Weaving
from counterpoint.interaction.output import Output
from counterpoint.interaction.playback import Playback
from counterpoint.interaction.policy import Policy, name_of, weave_at_once
from counterpoint.interaction.session import Session
from counterpoint.interaction.stream_keeper import StreamKeeper
from counterpoint.interaction.taking_up import NOBODY, going_on, objection, take_up
from counterpoint.interaction.traces import Traces
from counterpoint.interaction.weaver import Weaver
from counterpoint.shared_context.entries import (
    Amended,
    Body,
    Closed,
    Degraded,
    Failed,
    Left,
    NoteDropped,
    Opened,
    Recovered,
    Stored,
    Terms,
    TooLate,
)
from counterpoint.shared_context.ids import Beat, ConversationId, NoteId, Position, SessionId, WriterId
from counterpoint.shared_context.packing import package_of
from counterpoint.shared_context.resume_token import ResumeToken
from counterpoint.shared_context.seen import Seen
from counterpoint.shared_context.store import ContextStore, Fence
from counterpoint.shared_context.timeline import Timeline
from counterpoint.telemetry import names

FLUSH_SECONDS = 5.0
"""How long leaving a session waits for a store that does not take the last entries."""

LAST_STEP_SECONDS = 10.0
"""How long leaving a session waits for a step that is still going on."""

SNAPSHOT_EVERY = 2_000
"""Entries between two snapshots of the timeline; what the one before last covers is trimmed from the log."""

FOLLOW_AGAIN_SECONDS = 0.2

PAGE = 200
"""Entries read at once when a conversation is taken up: some milliseconds, in which other conversations wait."""

HAND_IN_SECONDS = 5.0
"""How long a fenced host tries to leave what it still held."""


class Hosting(msgspec.Struct, frozen=True):
    """What a session is opened with. `phase`: seconds within the beat. `keep`: leaving does not close the conversation.

    `buffer_beats`: what the listener holds beyond what it plays. `served`: somebody can take delegations. `resume`: the
    token that the listener comes back with.
    """

    conversation: ConversationId
    session: SessionId
    writer: WriterId
    phase: float
    keep: bool
    instructions: str = ""
    greeting: str = ""
    toolbox: tuple[str, ...] = ()
    buffer_beats: int = 0
    idle_beats: int | None = None
    served: bool = True
    queue: str = "default"
    resume: ResumeToken | str | None = None


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
    entries: list[Stored] = []
    timeline, covered = await _read(store, hosting.conversation, opening.tail, entries.append)
    for stored in entries:
        traces.read(stored)
    live = _Live(hosting, opening.fence, timeline, covered, store, model, policy, clock, traces)
    live.keep(entries)
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
        live.output.raise_unseen()
    finally:
        traces.leave("left")
        telemetry.measure(names.SESSION_ACTIVE, -1, {})


async def _read(
    store: ContextStore, conversation: ConversationId, tail: Position, also: Callable[[Stored], None] = lambda _: None
) -> tuple[Timeline, Position]:
    """The timeline of an existing conversation: its snapshot, and the entries since; and what the snapshot covers."""
    snapshot = await store.last_snapshot(conversation) if tail else None
    timeline = Timeline.restore(snapshot.data) if snapshot else Timeline(conversation)
    while timeline.tail < tail:
        entries = await store.read(conversation, timeline.tail, min(tail - timeline.tail, PAGE))
        if not entries:
            break
        for stored in entries:
            timeline.apply(stored)
            also(stored)
    return timeline, snapshot.upto if snapshot else Position(0)


class _Live:
    """The parts of a session and its three tasks: beats, journal, follower. A cancelled application does not cut them
    off; `leave` ends them in order.
    """

    def __init__(
        self,
        hosting: Hosting,
        fence: Fence,
        timeline: Timeline,
        covered: Position,
        store: ContextStore,
        model: InteractionModel,
        policy: Policy,
        clock: Callable[[], float],
        traces: Traces,
    ) -> None:
        capabilities = model.capabilities
        opened_at = clock()
        token, self._token_refused = _token(hosting.resume, timeline, opened_at)
        first = Beat(timeline.beat + 1) if timeline.tail else Beat(0)
        going = going_on(timeline, token, opened_at)
        itself = capabilities.weaving is Weaving.MODEL
        self._hosting = hosting
        self._traces = traces
        self._fence = fence
        self._store = store
        self._model = model
        self._policy = weave_at_once if itself else policy
        self._timeline = timeline
        self._snapshot = covered
        self._notes = 0
        self._laid = 0
        self._done = anyio.Event()
        self._written = anyio.Event()
        self._fenced = False
        self._sending = anyio.CancelScope()
        self._scopes: list[anyio.CancelScope] = []
        self._resumed = timeline.tail > 0
        self.output = Output(hosting.buffer_beats)
        self.weaver = Weaver(self._policy, itself=itself)
        self.delegations = Delegations(
            hosting.conversation, served=hosting.served, first=timeline.next_delegation, queue=hosting.queue
        )
        self.arrivals = Arrivals(self.weaver, self.delegations, self._write, self._note_id)
        self._seen = Seen()
        self.keeping = Keeping(store, fence, lambda: self._timeline)
        self.journal = Journal(
            store,
            fence,
            keeping=self.keeping,
            clock=clock,
            refused=self._refused,
            changed=self._store_changed,
            traces=traces,
        )
        playback = Playback(HORIZON_BEATS, hosting.buffer_beats)
        self.loop = BeatLoop(
            capabilities=capabilities,
            stream=StreamKeeper(self._open_stream, self._stream_failed),
            metronome=Metronome(_slot(anyio.current_time(), hosting.phase, late=timeline.tail > 0), going),
            intake=Intake(capabilities),
            weaver=self.weaver,
            playback=playback,
            delegations=self.delegations,
            arrivals=self.arrivals,
            journal=self.journal,
            output=self.output,
            first=first,
            idle_beats=hosting.idle_beats,
            traces=traces,
        )
        self.journal.write(self._opened(first, token), first, at=opened_at)
        if self._token_refused:
            self._write(Failed("resume token", self._token_refused), first)
        if going > first:
            self.loop.skip(going, NOBODY)
        take_up(
            timeline,
            token,
            opened_at,
            delegations=self.delegations,
            weaver=self.weaver,
            arrivals=self.arrivals,
            playback=playback,
        )
        self.loop.wishes.extend(timeline.promised())
        traces.take_up(timeline.unsettled(), (laid.note for laid in timeline.pending_notes()), going)
        self.session = Session(
            self.loop, hosting.conversation, hosting.session, self._application_note_id, self._token_refused
        )

    def keep(self, entries: Sequence[Stored]) -> None:
        """What was read when the conversation was taken up: the store may still lose it."""
        self.keeping.begin(entries)
        for stored in entries:
            self._seen.take(stored.entry)

    async def beat(self) -> None:
        try:
            with self._sheltered():
                await self.loop.run()
        except Exception as error:  # noqa: BLE001 (whatever ended the loop is raised where the listener iterates)
            self.output.end(error)
        finally:
            self.output.end()
            self._done.set()

    async def keep_journal(self) -> None:
        try:
            with self._sheltered() as self._sending:
                await self.journal.run()
        except Fenced as error:
            self._taken_over(error)
        except Exception as error:  # noqa: BLE001 (this host may not write any more: the listener is told)
            self.output.end(error)
            self.loop.stop()
        if self._fenced:
            await self._hand_in()
        self._written.set()

    async def follow(self) -> None:
        with self._sheltered():
            await self._follow()

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

    def _taken_over(self, error: Fenced) -> None:
        """Another host has the conversation: this one says nothing more, and leaves what it still holds."""
        if not self._fenced:
            self._fenced = True
            self.output.end(error, at_once=True)
            self.loop.stop()
            self._sending.cancel()

    async def _hand_in(self) -> None:
        """What the step under way still comes to belongs to it, if it comes soon."""
        with anyio.move_on_after(HAND_IN_SECONDS, shield=True):
            with anyio.move_on_after(HAND_IN_SECONDS / 2):
                await self._done.wait()
            orphans = self.journal.hand_in()
            while orphans:
                try:
                    await self._store.append(self._fence, orphans)
                except StoreUnavailable:
                    await anyio.sleep(FOLLOW_AGAIN_SECONDS)
                except StoreError:
                    return  # they are not wanted: the conversation has ended, or is another one
                else:
                    return

    async def _follow(self) -> None:
        """Bring in what others write, across outages of the store."""
        conversation, keeping = self._hosting.conversation, self.keeping
        while True:
            try:
                async with aclosing(self._store.follow(conversation, keeping.tail, keeping.stamp)) as entries:
                    async for stored in entries:
                        self._followed(stored)
                        await self._compact(stored.position)
            except StoreUnavailable:
                await anyio.sleep(FOLLOW_AGAIN_SECONDS)
            except (Rewound, UnknownConversation):
                await self._set_back()
            except StoreError as error:
                self.output.end(error)
                self.loop.stop()
                return
            else:
                self._ended_elsewhere()
                return

    async def _set_back(self) -> None:
        """The store came back without its last writes. The journal gives back what is missing; if others have written
        something in its place, the log is read anew for that.
        """
        await self.journal.make_sure()
        self._snapshot = min(self._snapshot, self.journal.covered)
        try:
            if not await self.keeping.matches():
                await self._read_anew()
        except (StoreUnavailable, UnknownConversation):
            await anyio.sleep(FOLLOW_AGAIN_SECONDS)

    async def _read_anew(self) -> None:
        entries = await self.keeping.read_anew()
        self._timeline, _ = await _read(self._store, self._hosting.conversation, self.keeping.tail)
        for stored in entries:
            if self._seen.take(stored.entry):
                self._arrived(stored)

    def _store_changed(self, body: Degraded | Recovered) -> None:
        self.arrivals.add(body)
        self.loop.stir()

    def _ended_elsewhere(self) -> None:
        """There is nothing left to follow. Unless this host ended the conversation, somebody else did."""
        if not self.loop.stopped:
            self.output.end(ConversationClosed("the conversation was ended, or forgotten, by somebody else"))
            self.loop.stop()

    def _last_entries(self) -> None:
        self.loop.record_unlived()
        if self._hosting.keep and not self.session.end_reason:
            self._write(Left(), self.loop.next)
            return
        for drop in self.loop.leave():
            self._write(NoteDropped(drop.note, drop.reason), self.loop.next)
        self._write(Closed(self.session.end_reason or "the session was left"), self.loop.next)

    def _sheltered(self) -> anyio.CancelScope:
        scope = anyio.CancelScope(shield=True)
        self._scopes.append(scope)
        return scope

    def _write(self, body: Body, beat: Beat) -> None:
        self.journal.write(body, beat)

    def _stream_failed(self, reason: str, beat: Beat) -> None:
        """The stream is lost; the notes that it had in hand go back on the tray."""
        self._write(Failed("stream", reason), beat)
        self.weaver.stream_lost(self.loop.playback.heard_of, beat)

    def _note_id(self) -> NoteId:
        self._notes += 1
        return NoteId(f"h{self._fence.epoch}.{self._notes}")

    def _application_note_id(self) -> NoteId:
        """Counted apart: which numbers the host's own notes have must not depend on when the application laid its."""
        self._laid += 1
        return NoteId(f"a{self._fence.epoch}.{self._laid}")

    def _refused(self, late: TooLate) -> None:
        self.arrivals.add(late)
        self.loop.stir()

    async def _open_stream(self, beat: Beat) -> Stream:
        hosting = self._hosting
        history = package_of(self._timeline) if self._resumed else None
        self._resumed = True
        return await self._model.open(
            Start(
                hosting.conversation,
                hosting.session,
                beat,
                instructions=hosting.instructions or self._timeline.instructions,
                greeting="" if history and history.utterances else hosting.greeting,
                history=history,
                toolbox=hosting.toolbox,
            )
        )

    def _opened(self, first: Beat, token: ResumeToken | None) -> Opened:
        hosting, capabilities = self._hosting, self._model.capabilities
        itself = capabilities.weaving is Weaving.MODEL
        terms = Terms(
            cadence=capabilities.cadence,
            buffer=hosting.buffer_beats,
            served=hosting.served,
            queue=hosting.queue,
            itself=itself,
            policy=name_of(self._policy),
            tail=self._timeline.tail,
        )
        return Opened(hosting.session, hosting.instructions, hosting.greeting, capabilities.name, first, terms, token)

    def _followed(self, stored: Stored) -> None:
        self._timeline.apply(stored)
        self.keeping.add(stored)
        if self._seen.take(stored.entry):
            self._arrived(stored)

    def _arrived(self, stored: Stored) -> None:
        header = stored.entry.header
        if isinstance(stored.entry.body, Opened) and header.epoch > self._fence.epoch:
            self._taken_over(Fenced(f"{self._hosting.conversation!r} was taken over by {header.writer!r}"))
            return
        own = header.writer == self._fence.writer and header.epoch == self._fence.epoch
        if own:
            self.journal.followed(header.seq)
        else:
            self._traces.followed(stored, self.loop.next)
        if not own or isinstance(stored.entry.body, Amended):
            self.arrivals.add(stored)
            self.loop.stir()

    async def _compact(self, position: Position) -> None:
        if position - self._snapshot < SNAPSHOT_EVERY:
            return
        covered, self._snapshot = self._snapshot, position
        try:
            await self._store.snapshot(self._fence, position, self._timeline.snapshot())
            self.keeping.covered(covered)
            await self._store.trim(self._fence, covered)
        except StoreError:
            self._snapshot = covered  # not now: the journal tells of a store that is gone, full or lost to another host


def _token(given: ResumeToken | str | None, timeline: Timeline, date: float) -> tuple[ResumeToken | None, str]:
    """The token, if it is of use; else why it is not. A conversation goes on without it."""
    if given is None:
        return None, ""
    try:
        token = ResumeToken.decode(given) if isinstance(given, str) else given
    except TokenRefused as error:
        return None, str(error)
    reason = objection(token, timeline, date)
    return (None, reason) if reason else (token, "")


def _slot(now: float, phase: float, *, late: bool) -> float:
    """The first moment from now on that lies `phase` into a beat of the process-wide grid. `late`: the last one before
    that: somebody has been waiting, and is not to wait for a whole beat more.
    """
    begun = now - phase
    beats = -(-begun // BEAT_SECONDS)
    slot = beats * BEAT_SECONDS + phase
    slot = slot if slot - now < BEAT_SECONDS - 1e-9 else now
    return slot - BEAT_SECONDS if late and slot > now else slot
