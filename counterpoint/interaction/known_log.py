"""What a host knows of its conversation's log: the timeline, its newest entries, and who wrote how much of it.

It is told of every entry once, in order, and knows neither what is read next nor what an entry means for the session.
"""

from collections.abc import Callable, Sequence
from typing import Final

from counterpoint.errors import StoreError
from counterpoint.interaction.keeping import Keeping
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.ids import ConversationId, Position
from counterpoint.shared_context.seen import Seen
from counterpoint.shared_context.store import ContextStore, Fence
from counterpoint.shared_context.timeline import Timeline

SNAPSHOT_EVERY = 2_000
"""Entries between two snapshots of the timeline; what the one before last covers is trimmed from the log."""

PAGE: Final = 200
"""Entries read at once when a conversation is taken up: some milliseconds, in which other conversations wait."""


class KnownLog:
    """`timeline`: made of `entries`, the newest of the log, and of a snapshot that covers what is before them."""

    def __init__(
        self, store: ContextStore, fence: Fence, timeline: Timeline, covered: Position, entries: Sequence[Stored]
    ) -> None:
        self._store = store
        self._fence = fence
        self._covered = covered
        self._seen = Seen()
        self.timeline = timeline
        self.keeping = Keeping(store, fence, lambda: self.timeline)
        self.keeping.begin(entries)
        for stored in entries:
            self._seen.take(stored.entry)

    @property
    def conversation(self) -> ConversationId:
        return self._fence.conversation

    def take(self, stored: Stored) -> bool:
        """The next entry of the log; whether it was not seen before, in a log that has been set back since."""
        self.timeline.apply(stored)
        self.keeping.add(stored)
        return self._seen.take(stored.entry)

    async def matches(self, covered: Position) -> bool:
        """After the store was set back to a snapshot that covers so much: what is in it is what is known here."""
        self._covered = min(self._covered, covered)
        return await self.keeping.matches()

    async def read_anew(self) -> list[Stored]:
        """Others have written something in the place of what was lost. Returns what was not seen before."""
        entries = await self.keeping.read_anew()
        self.timeline, _, _ = await _read(self._store, self.conversation, self.keeping.tail)
        return [stored for stored in entries if self._seen.take(stored.entry)]

    async def compact(self) -> None:
        """Now and then: a snapshot, behind which the log can be trimmed."""
        tail = self.keeping.tail
        if tail - self._covered < SNAPSHOT_EVERY:
            return
        covered, self._covered = self._covered, tail
        try:
            await self._store.snapshot(self._fence, tail, self.timeline.snapshot())
            self.keeping.covered(covered)
            await self._store.trim(self._fence, covered)
        except StoreError:
            self._covered = covered  # not now: the journal tells of a store that is gone, full or lost to another host


async def known_log(store: ContextStore, fence: Fence, tail: Position, also: Callable[[Stored], None]) -> KnownLog:
    """Of an existing conversation, as far as `tail`. `also` is told of the entries that are read for it."""
    timeline, covered, entries = await _read(store, fence.conversation, tail)
    for stored in entries:
        also(stored)
    return KnownLog(store, fence, timeline, covered, entries)


async def _read(
    store: ContextStore, conversation: ConversationId, tail: Position
) -> tuple[Timeline, Position, list[Stored]]:
    """The timeline of its snapshot and of the entries since; what the snapshot covers; and those entries."""
    snapshot = await store.last_snapshot(conversation) if tail else None
    timeline = Timeline.restore(snapshot.data) if snapshot else Timeline(conversation)
    entries: list[Stored] = []
    while timeline.tail < tail:
        page = await store.read(conversation, timeline.tail, min(tail - timeline.tail, PAGE))
        if not page:
            break
        for stored in page:
            timeline.apply(stored)
        entries += page
    return timeline, snapshot.upto if snapshot else Position(0), entries
