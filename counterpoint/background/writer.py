"""The writer of one attempt: what the reasoner wants in the log, in order, once. Writing never waits; one task sends.

While the store does not answer, entries wait here in order. Their number is bounded by the limits of the work itself.
The same entries are sent again with the same numbers, which stores take once.
"""

from collections.abc import Callable, Sequence

from counterpoint.background.retrying import until_it_answers
from counterpoint.background.traces import AttemptTrace
from counterpoint.errors import SequenceGap
from counterpoint.shared_context.entries import Body, Entry
from counterpoint.shared_context.ids import Position
from counterpoint.shared_context.memory.wakeup import WakeUp
from counterpoint.shared_context.scribe import Scribe
from counterpoint.shared_context.store import ContextStore, Lease
from counterpoint.telemetry import backend_of, storing

BATCH = 100
"""Entries sent at once after an outage."""


class Writer:
    """`trace` is told of everything as it is written, and names the trace that goes on over processes."""

    def __init__(self, store: ContextStore, lease: Lease, clock: Callable[[], float], trace: AttemptTrace) -> None:
        self._trace = trace
        self._backend = backend_of(store)
        self._store = store
        self._lease = lease
        self._scribe = Scribe(lease.fence, clock)
        self._entries: list[Entry] = []
        self._sent = 0
        self._last = False
        self._written = WakeUp()
        self._changed = WakeUp()

    @property
    def waiting(self) -> int:
        """Entries that the store does not have yet."""
        return len(self._entries) - self._sent

    @property
    def closed(self) -> bool:
        """The last entries are written; nothing can be added."""
        return self._last

    def write(self, *bodies: Body, cause: Position | None = None) -> None:
        if self._last:
            return
        cause = cause or self._lease.delegation.upto
        self._entries += [self._scribe.write(body, cause=cause, trace=self._trace.wrote(body)) for body in bodies]
        self._written.wake()

    def close(self, *bodies: Body) -> None:
        """Write the last entries, a `Settled` among them; they settle the delegation in the same step."""
        self.write(*bodies)
        self._last = True
        self._written.wake()

    async def sent(self) -> None:
        """Wait until the store has everything that was written so far."""
        upto = len(self._entries)
        while self._sent < upto:
            await self._changed.wait()

    async def run(self, until: float) -> None:
        """Send, until everything up to the last entries is sent, or until the loop's time `until`.

        Raises `Fenced`, `ConversationClosed` and their like when nothing may be written any more, and
        `StoreUnavailable` or `StoreFull` if the time came first.
        """
        while not (self._last and not self.waiting):
            if self.waiting:
                await self._send(until)
            else:
                await self._written.wait()

    async def _send(self, until: float) -> None:
        batch = self._entries[self._sent : self._sent + BATCH]
        settles = self._last and len(batch) == self.waiting
        try:
            await until_it_answers(lambda: self._once(batch, settles=settles), until=until)
        except SequenceGap as gap:
            if not 1 <= gap.expected <= self._sent:
                raise
            self._sent = gap.expected - 1  # the store was set back: send again from there
        else:
            self._sent += len(batch)
        self._changed.wake()

    async def _once(self, batch: Sequence[Entry], *, settles: bool) -> None:
        with storing(self._backend, "settle" if settles else "append"):
            if settles:
                await self._store.settle(self._lease, batch)
            else:
                await self._store.append(self._lease.fence, batch)
