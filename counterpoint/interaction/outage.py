"""How the store is, as the log tells it: `Degraded` when it was lost, `Recovered` when it takes entries again. Pure."""

from collections.abc import Callable

from counterpoint.interaction.outbox import Outbox, Pending
from counterpoint.interaction.traces import Traces
from counterpoint.shared_context.entries import Degraded, Recovered
from counterpoint.shared_context.ids import Beat


class Outage:
    """The store may be lost again before `Recovered` is in the log: that is one outage. `tell`: of its begin, and of
    `Recovered` once it is in the log.
    """

    def __init__(
        self,
        outbox: Outbox,
        traces: Traces,
        tell: Callable[[Degraded | Recovered], None],
        clock: Callable[[], float],
    ) -> None:
        self._outbox = outbox
        self._traces = traces
        self._tell = tell
        self._clock = clock
        self._since: float | None = None
        self._recovering = False

    def __bool__(self) -> bool:
        return self._since is not None

    def begins(self, error: Exception) -> None:
        """The store could not be written."""
        if self._since is not None:
            return
        self._since = self._clock()
        if not self._recovering:
            body, beat = Degraded(str(error)), self._outbox.beat
            self._traces.wrote(body, beat, self._since)
            self._outbox.put_first(body, beat, self._since)
            self._tell(body)

    def ends(self, sent: int) -> None:
        """The store has taken so many entries."""
        if self._since is None:
            return
        now, since, self._since = self._clock(), self._since, None
        if self._recovering:
            return
        self._recovering = True
        beat = max((pending.beat for pending in self._outbox), default=Beat(0))
        body = Recovered(now - since, sent + len(self._outbox), self._outbox.given_up)
        self._traces.wrote(body, beat, now)
        self._outbox.add(Pending(body, beat, now))
        self._outbox.given_up = 0

    def is_told(self, recovered: Recovered) -> None:
        """It is in the log."""
        self._since, self._recovering = None, False
        self._tell(recovered)
