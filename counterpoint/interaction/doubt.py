"""Whether the store has what it once accepted. It may have lost its last writes: then it gets them again."""

from collections import deque
from collections.abc import Callable, Sequence

from counterpoint.errors import UnknownDelegation
from counterpoint.interaction.keeping import Found, Keeping
from counterpoint.interaction.metronome import Bell
from counterpoint.interaction.outbox import OUTBOX_ENTRIES
from counterpoint.interaction.sending import Sending
from counterpoint.shared_context.entries import Entry, Failed
from counterpoint.shared_context.ids import Position


class Doubt:
    """`keeping` has what came back from the log; what was accepted and did not come back yet is kept here.

    `stored`: the number of this host's newest entry in the store, `covered`: what the store's snapshot covers, when it
    was last looked at. `found` is told of what came of a look.
    """

    def __init__(self, keeping: Keeping, sending: Sending, found: Callable[[Found], None]) -> None:
        self._keeping = keeping
        self._sending = sending
        self._found = found
        self._accepted: deque[Entry] = deque(maxlen=OUTBOX_ENTRIES)
        self._followed = 0
        self._there = False
        self._sure = Bell()
        self.stored = 0
        self.covered = Position(0)

    def __bool__(self) -> bool:
        return self._there

    def arises(self) -> None:
        self._there = True

    def accepted(self, entries: Sequence[Entry]) -> None:
        """By the store."""
        self._accepted += (entry for entry in entries if entry.header.seq > self._followed)

    def followed(self, seq: int) -> None:
        """The entry of that number has come back from the log: `keeping` has it."""
        self._followed = max(self._followed, seq)
        while self._accepted and self._accepted[0].header.seq <= self._followed:
            self._accepted.popleft()

    def arises_for_another(self) -> None:
        """Somebody else than the journal doubts, and will wait until it is `settled`."""
        self.arises()
        self._sure.reset()

    async def settled(self) -> None:
        await self._sure.wait()

    async def settle(self) -> None:
        """What was followed is given back by `keeping`, what was not yet followed is sent again."""
        found = await self._keeping.put_right()
        self._found(found)
        self.covered, self.stored = found.standing.covered, found.standing.last
        for entry in [each for each in self._accepted if each.header.seq > self.stored]:
            await self._again(entry)
        self._there = False
        self._sure.ring()

    async def _again(self, entry: Entry) -> None:
        try:
            await self._sending.send([entry])
        except UnknownDelegation:  # settled by somebody since; its number is taken all the same
            failed = Failed("store", f"a {type(entry.body).__name__} was lost, and then came too late")
            await self._sending.send([Entry(entry.header, failed)])
