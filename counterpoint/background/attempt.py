"""One attempt at one delegation: the lease, its view of the log, and the pen. It decides nothing."""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio
import anyio.lowlevel

from counterpoint.background.limits import Limits
from counterpoint.background.notepad import Notepad
from counterpoint.background.retrying import pause, until_it_answers
from counterpoint.background.traces import AttemptTrace
from counterpoint.background.writer import Writer
from counterpoint.errors import CorruptRecord, Rewound, StoreFull, StoreUnavailable
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import NoteLaid, Stored
from counterpoint.shared_context.ids import Position
from counterpoint.shared_context.notes import Note
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.packing import package_of
from counterpoint.shared_context.seen import Seen
from counterpoint.shared_context.store import ContextStore, Lease, Snapshot
from counterpoint.shared_context.timeline import Timeline
from counterpoint.telemetry import backend_of

PAGE = 100
"""Entries read at once; others get their turn in between."""

Arrived = Callable[[Stored], None]

logger = logging.getLogger(__name__)


class Attempt:
    """`clock`: seconds since 1970, for dates in the log and for how long ago something was said."""

    def __init__(self, store: ContextStore, lease: Lease, limits: Limits, clock: Callable[[], float]) -> None:
        self.store = store
        self.lease = lease
        self.limits = limits
        self.clock = clock
        self.timeline = Timeline(lease.delegation.conversation)
        self.trace = AttemptTrace(lease, backend_of(store), clock)
        self.writer = Writer(store, lease, clock, self.trace)
        self._seen = Seen()
        self._before = self.timeline
        self._stamp = 0
        self.notepad = Notepad(lease, limits.note_characters)

    @property
    def delegation(self) -> Delegation:
        return self.lease.delegation

    @property
    def upto(self) -> Position:
        """The newest log entry that this attempt knows of."""
        return self.timeline.tail

    def package(self) -> ContextPackage:
        """The conversation as it stands now; as it stood before, where the store lost what asked for this work and has
        not been given it back yet.
        """
        known = self.timeline if self.timeline.work(self.delegation.id) else self._before
        return package_of(known, delegation=self.delegation.id, budget=self.limits.package_tokens)

    def lay(self, note: Note) -> None:
        self.writer.write(NoteLaid(note))

    def age(self, at: float) -> float:
        """Seconds since a date; never negative, whatever the clocks of other machines say."""
        return max(self.clock() - at, 0.0)

    async def read(self, arrived: Arrived) -> None:
        """Read the log as it is. What a snapshot stands for is known afterwards, and does not arrive."""
        conversation = self.delegation.conversation
        snapshot = await until_it_answers(lambda: self.store.last_snapshot(conversation))
        if self.timeline.work(self.delegation.id):
            self._before = self.timeline
        self.timeline, self._stamp = _restored(snapshot) or Timeline(conversation), 0
        while True:
            page = await until_it_answers(lambda: self.store.read(conversation, self.timeline.tail, PAGE))
            for stored in page:
                self._take(stored, arrived)
            if len(page) < PAGE:
                return
            await anyio.lowlevel.checkpoint()

    async def follow(self, arrived: Arrived) -> None:
        """Everything that is written from now on. Returns when the conversation is closed or forgotten.

        Raises `UnknownConversation` or `CorruptRecord`; an outage is waited out. If the store was set back, the log is
        read anew, and nothing arrives twice.
        """
        tries = 0
        while True:
            try:
                async with aclosing(self._following()) as entries:
                    async for stored in entries:
                        tries = 0
                        self._take(stored, arrived)
            except (StoreUnavailable, StoreFull):
                tries += 1
                await anyio.sleep(pause(tries))
            except Rewound:
                tries += 1
                await anyio.sleep(pause(tries))  # its host is giving back what is missing
                await self.read(arrived)
            else:
                return

    def _following(self) -> AsyncGenerator[Stored, None]:
        return self.store.follow(self.delegation.conversation, self.timeline.tail, self._stamp)

    def _take(self, stored: Stored, arrived: Arrived) -> None:
        self.timeline.apply(stored)
        self._stamp = stored.stamp
        if self._seen.take(stored.entry):
            self.trace.read(stored)
            arrived(stored)


def _restored(snapshot: Snapshot | None) -> Timeline | None:
    """Without a snapshot that can be read, what is left of the log has to do."""
    try:
        return Timeline.restore(snapshot.data) if snapshot else None
    except CorruptRecord:
        logger.exception("a snapshot cannot be read")
        return None
