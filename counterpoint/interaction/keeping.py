"""What a host keeps of its conversation's log, so that a store that comes back without its last writes gets them again.

It compares and gives back; it neither writes entries of its own nor knows what they mean for the session.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from counterpoint.errors import Rewound, UnknownConversation
from counterpoint.shared_context.codec import decode, encode
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import Entry, Role, Settled, Stored, Withdrawn
from counterpoint.shared_context.ids import Position, WriterId
from counterpoint.shared_context.store import ContextStore, Fence, Restoration, Snapshot, Standing
from counterpoint.shared_context.timeline import Timeline

KEPT_ENTRIES: Final = 5_000
"""Entries kept at most. A snapshot usually lets older ones go: the log is trimmed behind every second one."""

KEPT_BYTES: Final = 1 << 20
"""Bytes of these entries at most. Of what is older a store that lost it gets the timeline's account."""

PAGE: Final = 500


class Copy(NamedTuple):
    position: Position
    stamp: int
    record: bytes


class Found(msgspec.Struct, frozen=True):
    """How the store stands now. `given_back`: entries that it had lost; `summarised`: those of which it only has an
    account, because they were no longer kept.
    """

    standing: Standing
    given_back: int = 0
    summarised: int = 0


class Keeping:
    """Told of every entry in the order of the log. `base`: the position before the first entry that is kept."""

    def __init__(self, store: ContextStore, fence: Fence, timeline: Callable[[], Timeline]) -> None:
        self._store = store
        self._fence = fence
        self._timeline = timeline
        self._copies: deque[Copy] = deque()
        self._bytes = 0
        self._own = 0
        self._restorations = 0
        self.base = timeline().tail
        self.tail = self.base
        self.stamp = 0

    def begin(self, entries: Sequence[Stored]) -> None:
        """With the newest entries that the timeline has."""
        for stored in entries:
            if stored is entries[0]:
                self.base = self.tail = Position(stored.position - 1)
            self.add(stored)

    def add(self, stored: Stored) -> None:
        header = stored.entry.header
        if header.role is Role.HOST and (header.writer, header.epoch) == (self._fence.writer, self._fence.epoch):
            self._own = max(self._own, header.seq)
        if stored.position != self.tail + 1:  # trimmed before it was followed to there
            self._copies.clear()
            self._bytes = 0
            self.base = Position(stored.position - 1)
        copy = Copy(stored.position, stored.stamp, encode(stored.entry))
        self._copies.append(copy)
        self._bytes += len(copy.record)
        self.tail, self.stamp = copy.position, copy.stamp
        while len(self._copies) > KEPT_ENTRIES or self._bytes > KEPT_BYTES:
            self._let_go()

    def covered(self, upto: Position) -> None:
        """A snapshot covers these, and the one after it covers them too: nobody will need them one by one."""
        while self._copies and self._copies[0].position <= upto:
            self._let_go()

    async def read_anew(self) -> Sequence[Stored]:
        """Everything that the store has after `base`, which is kept from now on instead."""
        entries = await self._everything()
        self._copies.clear()
        self._bytes = 0
        self.tail, self.stamp = self.base, 0
        for stored in entries:
            self.add(stored)
        return entries

    async def matches(self) -> bool:
        """The newest entry that is known is where it was. Raises `UnknownConversation`."""
        if not self.stamp:
            return True
        found = await self._store.read(self._fence.conversation, Position(self.tail - 1), 1)
        return not found or (found[0].position, found[0].stamp) in ((self.tail, self.stamp), (self.tail, 0))

    async def put_right(self) -> Found:
        """See how the store stands, and give it back what it has lost. Raises `Fenced` if a newer host has the
        conversation, `ConversationClosed` if it was closed or forgotten.
        """
        while True:
            standing = await self._store.standing(self._fence)
            common, others = await self._compare(standing)
            lost = self._lost(common, others)
            if standing.held and not lost and common >= self.base:
                return Found(standing)
            try:
                return await self._give_back(standing, common, others, lost)
            except Rewound:
                continue  # somebody wrote meanwhile

    async def _compare(self, standing: Standing) -> tuple[Position, Sequence[Stored]]:
        """Up to where the store's log is the one that is known, and what others have written there since it was set
        back. What is in the log after the newest known entry is of no concern as long as that one is in its place.
        """
        if standing.tail >= self.tail and (self.tail == 0 or await self.matches()):
            return self.tail, ()
        unknown_or_same = self._stamp_at(standing.tail) in (0, standing.stamp)
        if standing.tail < self.base or (standing.tail <= self.tail and unknown_or_same):
            return standing.tail, ()
        entries = await self._everything()
        common = self.base
        for stored in entries:
            if stored.stamp != self._stamp_at(stored.position):
                break
            common = stored.position
        return common, [stored for stored in entries if stored.position > common]

    async def _give_back(
        self, standing: Standing, common: Position, others: Sequence[Stored], lost: Sequence[Stored]
    ) -> Found:
        self._restorations += 1
        short = common < self.base
        timeline = self._timeline()
        given = Restoration(
            token=f"{self._fence.epoch}.{self._restorations}",
            tail=standing.tail,
            base=self.base if short else common,
            entries=tuple(lost),
            last=self._own,
            unsettled=_unsettled(timeline, others) if lost or short else None,
            snapshot=Snapshot(timeline.tail, timeline.snapshot()) if short else None,
        )
        standing = await self._store.restore(self._fence, given)
        return Found(standing, len(lost), self.base - common if short else 0)

    def _lost(self, common: Position, others: Sequence[Stored]) -> list[Stored]:
        there = {_identity(stored.entry) for stored in others}
        copies = (copy for copy in self._copies if copy.position > common)
        entries = [Stored(copy.position, decode(copy.record), copy.stamp) for copy in copies]
        return [stored for stored in entries if _identity(stored.entry) not in there]

    async def _everything(self) -> list[Stored]:
        found: list[Stored] = []
        after = self.base
        try:
            while page := await self._store.read(self._fence.conversation, after, PAGE):
                found += page
                after = page[-1].position
        except UnknownConversation:
            return []
        return found

    def _stamp_at(self, position: Position) -> int:
        index = position - self.base - 1
        return self._copies[index].stamp if 0 <= index < len(self._copies) else 0

    def _let_go(self) -> None:
        copy = self._copies.popleft()
        self._bytes -= len(copy.record)
        self.base = copy.position


def _identity(entry: Entry) -> tuple[Role, WriterId, int, int]:
    header = entry.header
    return header.role, header.writer, header.epoch, header.seq


def _unsettled(timeline: Timeline, others: Sequence[Stored]) -> tuple[Delegation, ...]:
    """As far as is known, and not ended by what others have written since."""
    bodies = (stored.entry.body for stored in others)
    over = {body.delegation for body in bodies if isinstance(body, Settled | Withdrawn)}
    return tuple(delegation for delegation in timeline.unsettled() if delegation.id not in over)
