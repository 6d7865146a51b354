"""Whoever holds a fence writes through a scribe: it fills in the header, and counts. It knows no store."""

from collections.abc import Callable, Sequence

from counterpoint.errors import WriteRefused
from counterpoint.shared_context import dates
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.entries import Body, Entry, Header, Orphaned, Role
from counterpoint.shared_context.ids import Beat, Position
from counterpoint.shared_context.store import Fence


class Scribe:
    """Makes the entries of one fence, in the order in which they must reach the store.

    One scribe per fence, for as long as the fence is held. An entry that may have reached the store is sent again as
    it is; only one that the store refused for good gives its number back (`unwritten`).
    """

    __slots__ = ("_clock", "_role", "_seq", "fence")

    def __init__(self, fence: Fence, clock: Callable[[], float] = dates.now) -> None:
        self.fence = fence
        self._role = Role.HOST if fence.delegation is None else Role.WORKER
        self._clock = clock
        self._seq = 0

    @property
    def seq(self) -> int:
        """The number of the newest entry; 0 before the first."""
        return self._seq

    def write(
        self,
        body: Body,
        *,
        beat: Beat | None = None,
        at: float | None = None,
        cause: Position | None = None,
        trace: str | None = None,
    ) -> Entry:
        """The next entry. `at`: when it happened, if that was not now. `trace`: W3C `traceparent`."""
        self._seq += 1
        fence = self.fence
        date = self._clock() if at is None else at
        return Entry(Header(self._role, fence.writer, fence.epoch, self._seq, date, beat, cause, trace), body)

    def unwritten(self, entries: Sequence[Entry]) -> None:
        """The store refused the newest entries for good (`UnknownDelegation`): the next ones get their numbers."""
        numbers = [entry.header.seq for entry in entries]
        first = self._seq - len(numbers) + 1
        if numbers != list(range(first, self._seq + 1)):
            raise WriteRefused(f"only the newest entries can be taken back: {self._seq} is the newest, not {numbers}")
        self._seq = first - 1


def orphan(entry: Entry) -> Entry:
    """What a fenced host sends of an entry that it still held: readable in the log, never woven.

    It keeps its number, so an entry that had been accepted after all is not added again.
    """
    return Entry(entry.header, Orphaned(encode(entry)))
