"""The journal: what a host writes to the shared context. Writing never waits; one task sends, in order, once.

While the store cannot be written, entries wait here in order (bounded) and the conversation goes on. After an outage,
and whenever the store contradicts what this host knows, it is made sure that nothing which was accepted is missing.
"""

import logging
from collections import Counter
from collections.abc import Callable
from typing import Protocol

import anyio

from counterpoint.errors import (
    ConfigurationError,
    ConversationClosed,
    CorruptRecord,
    Fenced,
    SequenceGap,
    StoreError,
    StoreFull,
    StoreUnavailable,
    UnknownDelegation,
    WriteRefused,
)
from counterpoint.interaction.doubt import Doubt
from counterpoint.interaction.keeping import Found, Keeping
from counterpoint.interaction.metronome import Bell
from counterpoint.interaction.orphans import MOST_ORPHANS, given_up, orphans_of
from counterpoint.interaction.outage import Outage
from counterpoint.interaction.outbox import Outbox, Pending
from counterpoint.interaction.sending import Sending
from counterpoint.interaction.traces import Traces
from counterpoint.shared_context.entries import (
    Amended,
    Body,
    Closed,
    Degraded,
    Entry,
    Failed,
    Recovered,
    TooLate,
    Withdrawn,
)
from counterpoint.shared_context.ids import Beat, Position
from counterpoint.shared_context.scribe import Scribe
from counterpoint.shared_context.store import ContextStore, Fence

RETRY_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0)

logger = logging.getLogger(__name__)


class Writing(Protocol):
    """A journal as the beat loop sees it."""

    @property
    def degraded(self) -> bool: ...

    def write(self, body: Body, beat: Beat, cause: Position | None = None) -> None: ...


class Journal:
    """`keeping`: what this host knows of the log. `tell`: of a wish that came to nothing because it came too late, of
    `Degraded`, and of `Recovered` when it is in the log. `traces` is told of everything as it is written.
    """

    def __init__(
        self,
        store: ContextStore,
        fence: Fence,
        *,
        keeping: Keeping,
        clock: Callable[[], float],
        tell: Callable[[TooLate | Degraded | Recovered], None],
        traces: Traces,
    ) -> None:
        self._conversation = fence.conversation
        self._traces = traces
        self._clock = clock
        self._tell = tell
        self._scribe = Scribe(fence, clock=clock)
        self._store = Sending(store, fence)
        self._outbox = Outbox()
        self._sending: list[Entry] = []
        self._doubt = Doubt(keeping, self._store, self._found)
        self._outage = Outage(self._outbox, traces, tell, clock)
        self._bell = Bell()
        self._empty = Bell()
        self._empty.ring()

    @property
    def degraded(self) -> bool:
        """The store could not be written when it was last tried."""
        return bool(self._outage)

    @property
    def waiting(self) -> int:
        return len(self._outbox) + len(self._sending)

    def write(self, body: Body, beat: Beat, cause: Position | None = None, *, at: float | None = None) -> None:
        """`at`: when it happened, if that was not now."""
        at = self._clock() if at is None else at
        self._outbox.add(Pending(body, beat, at, cause, self._traces.wrote(body, beat, at)))
        self._empty.reset()
        self._bell.ring()

    async def run(self) -> None:
        """Send until cancelled, or until `Closed` is sent. Raises `Fenced` or `ConversationClosed` when this host may
        not write any more.
        """
        closed = False
        while not closed:
            while not self._outbox and not self._doubt:
                self._empty.ring()
                await self._bell.wait()
                self._bell.reset()
            if self._doubt:
                await self._send([])
                continue
            closed = isinstance(self._outbox.head.body, Closed)
            await self._send_next()
        self._outbox.take_all()  # how the store was in between: nobody can write after the end
        self._empty.ring()

    async def flushed(self) -> None:
        """Wait until everything written so far is in the store."""
        await self._empty.wait()

    def hand_in(self) -> list[Entry]:
        """For a host that was fenced: what is not known to be in the store, as orphans."""
        waiting = self._outbox.take_all()
        if (older := len(waiting) - MOST_ORPHANS) > 0:
            waiting[:older] = [Pending(given_up(older), waiting[0].beat, self._clock())]
        left = [*self._sending, *map(self._entry, waiting)]
        self._sending = []
        self._empty.ring()
        return orphans_of(left)

    @property
    def covered(self) -> Position:
        """By the snapshot that the store has, when it was last looked at."""
        return self._doubt.covered

    async def make_sure(self) -> None:
        """Wait until it is known that the store has everything that it had accepted. Waits for ever once the journal
        has ended.
        """
        self._doubt.arises_for_another()
        self._bell.ring()
        await self._doubt.settled()

    def followed(self, seq: int) -> None:
        """This host's entry of that number has come back from the log."""
        self._doubt.followed(seq)

    def report_unwritten(self) -> None:
        """The session is over; what the store did not take is lost, and said to be."""
        if not self.waiting:
            return
        kinds = self._outbox.kinds() + Counter(type(entry.body).__name__ for entry in self._sending)
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        logger.error("conversation %s was left with entries that could not be written: %s", self._conversation, told)

    async def _send_next(self) -> None:
        self._forgo_pointless()
        self._sending = [self._entry(pending) for pending in self._outbox.take()]
        await self._send(self._sending)
        self._sending = []

    def _entry(self, pending: Pending) -> Entry:
        return self._scribe.write(
            pending.body, beat=pending.beat, at=pending.at, cause=pending.cause, trace=pending.trace
        )

    async def _send(self, entries: list[Entry]) -> None:
        """Until the store has them, and everything before. The same entries are sent again: stores are idempotent by
        sequence number. A refusal that stands after the store was looked at is final.
        """
        tries = refusals = 0
        closing = bool(entries) and isinstance(entries[0].body, Closed)
        while True:
            try:
                if self._doubt and not (closing and refusals):  # it may have been closed by this very entry
                    await self._doubt.settle()
                    if tries and self._forgone(entries):
                        return
                if entries:
                    await self._store.send(entries)
            except (StoreUnavailable, StoreFull, ConfigurationError) as error:
                self._doubt.arises()
                self._outage.begins(error)
                await anyio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
                tries, refusals = tries + 1, 0
            except (SequenceGap, Fenced, ConversationClosed):
                if refusals:
                    raise
                self._doubt.arises()
                refusals += 1
            except UnknownDelegation:
                self._came_too_late(entries[0])
                return
            except (CorruptRecord, WriteRefused) as error:
                if self._doubt:
                    raise  # what is there already cannot be read
                await self._send_the_rest(entries, error)
                return
            else:
                self._were_accepted(entries)
                return

    def _were_accepted(self, entries: list[Entry]) -> None:
        self._doubt.accepted(entries)
        for entry in entries:
            if isinstance(entry.body, Recovered):
                self._outage.is_told(entry.body)
        self._outage.ends(len(entries))

    def _found(self, found: Found) -> None:
        lost, summarised = found.given_back, found.summarised
        if not lost and not summarised:
            return
        reason = f"it came back without its last writes; {lost} entries were given back"
        if summarised:
            reason += f"; of {summarised} more it has only an account, they were no longer kept"
        logger.warning("conversation %s, about its store: %s", self._conversation, reason)
        self._outbox.put_first(Failed("store", reason), self._outbox.beat, self._clock())

    def _forgone(self, entries: list[Entry]) -> bool:
        """What was being sent when the store went away has not reached it, and is pointless by now."""
        if len(entries) != 1 or entries[0].header.seq <= self._doubt.stored:
            return False
        header, body = entries[0].header, entries[0].body
        if not self._outbox.is_pointless(body, self._clock() - header.at):
            return False
        self._scribe.unwritten(entries)
        self._outbox.put_first(body, header.beat, header.at)
        self._forgo_pointless()
        self._outage.ends(0)
        return True

    def _forgo_pointless(self) -> None:
        if (late := self._outbox.forgo(self._clock())) is not None:
            self._tell(late)

    async def _send_the_rest(self, entries: list[Entry], error: StoreError) -> None:
        """One of these entries can never be written (a text that is no text, say): find it, and say so instead."""
        self._scribe.unwritten(entries)
        if len(entries) == 1:
            header = entries[0].header
            failed = Failed("journal", f"a {type(entries[0].body).__name__} could not be written: {error}")
            self._outbox.put_first(failed, header.beat, header.at)
            return
        for entry in entries:
            header = entry.header
            again = self._scribe.write(
                entry.body, beat=header.beat, at=header.at, cause=header.cause, trace=header.trace
            )
            await self._send([again])

    def _came_too_late(self, entry: Entry) -> None:
        """It is in the log in the place of the wish, so that the log tells what became of it."""
        self._scribe.unwritten([entry])
        if isinstance(entry.body, Amended | Withdrawn):
            late = TooLate(entry.body)
            self._outbox.put_first(late, entry.header.beat, entry.header.at)
            self._tell(late)
