"""What is kept of one conversation in memory, and who may write to it. It knows neither the time nor the queues."""

from collections.abc import Sequence

from counterpoint.errors import ConversationClosed, Fenced, UnknownDelegation
from counterpoint.shared_context.admission import check_hosts
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Entry, Orphaned, Role, Settled
from counterpoint.shared_context.ids import ConversationId, DelegationId, Position, WriterId
from counterpoint.shared_context.memory.ledger import Ledger
from counterpoint.shared_context.memory.log import Log
from counterpoint.shared_context.memory.queues import Pending
from counterpoint.shared_context.memory.wakeup import WakeUp
from counterpoint.shared_context.store import Fence, Opening, Snapshot, Standing

HOSTS_KEPT = 64
"""Hosts that may still leave orphans, or ask again where their entries are: the newest."""

SETTLED_LEDGERS = 64
"""Ledgers kept of settled delegations, for a worker that asks again because the reply was lost."""


class Conversation:
    """`born`: tells it from another of the same id, after it was forgotten or lost. `floor`: epochs up to this one were
    given to others, before that.
    """

    def __init__(self, conversation: ConversationId, born: int = 0, floor: int = 0) -> None:
        self.id = conversation
        self.born = born
        self.floor = floor
        self.log = Log()
        self.snapshot: Snapshot | None = None
        self.pending: dict[DelegationId, Pending] = {}
        self.changed = WakeUp()
        self.closed = False
        self.forgotten = False
        self._epoch = 0
        self._leases = 0
        self._hosts: dict[Fence, Ledger] = {}
        self._settled: dict[Fence, Ledger] = {}
        self._withdrawn: dict[Fence, Ledger] = {}

    @property
    def newest_epoch(self) -> int:
        """Of all hosts and leases."""
        return max(self._epoch, self._leases, self.floor)

    @property
    def ended(self) -> bool:
        return self.closed or self.forgotten

    @property
    def size(self) -> int:
        """Bytes of the log and the snapshot."""
        return self.log.size + (len(self.snapshot.data) if self.snapshot else 0)

    def open(self, writer: WriterId) -> Opening:
        self.check_open()
        self._epoch = max(self._epoch, self.floor) + 1
        fence = Fence(self.id, writer, self._epoch)
        self._hosts[fence] = Ledger()
        if len(self._hosts) > HOSTS_KEPT:
            del self._hosts[next(iter(self._hosts))]
        return Opening(fence, self.log.tail)

    def lease_fence(self, pending: Pending, worker: WriterId) -> Fence:
        """A new epoch for a delegation, counted over the conversation: no two leases in it share one."""
        self._leases = max(self._leases, self.floor) + 1
        return Fence(self.id, worker, self._leases, pending.delegation.id)

    def check_open(self) -> None:
        if self.closed:
            raise ConversationClosed(f"conversation {self.id!r} is closed")

    def standing(self, fence: Fence) -> Standing:
        self.check_not_overtaken(fence)
        ledger = self._hosts.get(fence) if fence.epoch == self._epoch else None
        tail, covered = self.log.tail, self.snapshot.upto if self.snapshot else Position(0)
        return Standing(tail, self.log.stamp(tail), ledger.last if ledger else 0, covered, held=ledger is not None)

    def check_not_overtaken(self, fence: Fence) -> None:
        """No newer host has opened this conversation, and it is open."""
        check_hosts(fence)
        self.check_open()
        if self._epoch > fence.epoch or (self._epoch == fence.epoch and fence not in self._hosts):
            raise self._fenced(fence)

    def host_again(self, fence: Fence) -> Ledger:
        """The host that opened this conversation before the store was set back."""
        self._epoch = fence.epoch
        return self._hosts.setdefault(fence, Ledger())

    def ledger_of(self, role: Role, writer: WriterId, epoch: int) -> Ledger | None:
        """Of a host, or of the lease of that epoch, if this is known here."""
        if role is Role.HOST:
            return self._hosts.get(Fence(self.id, writer, epoch))
        leased = {each.fence: each.ledger for each in self.pending.values() if each.fence is not None}
        known = {**self._settled, **self._withdrawn, **leased}
        return next((known[fence] for fence in known if (fence.writer, fence.epoch) == (writer, epoch)), None)

    def check_writer(self, fence: Fence) -> None:
        """The newest host, or the worker that has the delegation now, in an open conversation."""
        self.check_open()
        newest = self._is_host(fence) if fence.delegation is None else self.leased(fence)
        if not newest:
            raise self._fenced(fence)

    def check_host(self, fence: Fence) -> None:
        check_hosts(fence)
        self.check_writer(fence)

    def ledger(self, fence: Fence, entries: Sequence[Entry]) -> Ledger:
        """Where the writer of these entries stands. A fenced host may still leave its orphans behind."""
        if fence.delegation is None:
            known = self._is_host(fence) or _orphans(entries)
            ledger = self._hosts.get(fence) if known else None
        else:
            pending = self.leased(fence)
            ledger = pending.ledger if pending else self._settled.get(fence) or self._last_words(fence, entries)
        if ledger is None:
            self.check_open()
            raise self._fenced(fence)
        return ledger

    def fresh(self, fence: Fence, entries: Sequence[Entry]) -> list[Entry]:
        """Those entries that have to be written; none if all were sent before."""
        ledger = self.ledger(fence, entries)
        if any(entry.header.seq > ledger.last for entry in entries):
            self.check_open()
            if fence in self._settled:
                raise self._fenced(fence)
        return ledger.fresh(entries)

    def check_unsettled(self, delegation: DelegationId) -> None:
        if delegation not in self.pending:
            raise UnknownDelegation(f"delegation {delegation!r} of {self.id!r} is settled or was never offered")

    def leased(self, fence: Fence) -> Pending | None:
        """The delegation that this worker has, if it still has it."""
        pending = self.pending.get(fence.delegation) if fence.delegation is not None else None
        return pending if pending and pending.fence == fence else None

    def remember(self, fence: Fence, ledger: Ledger) -> None:
        """A worker is done, and may ask again where its last entries are."""
        self._withdrawn.pop(fence, None)
        _keep(self._settled, fence, ledger)

    def withdrawn(self, pending: Pending) -> None:
        """The worker of a delegation that was withdrawn may still say, once, what it could not stop."""
        if pending.fence is not None:
            _keep(self._withdrawn, pending.fence, pending.ledger)

    def _last_words(self, fence: Fence, entries: Sequence[Entry]) -> Ledger | None:
        settled = (entry.body for entry in entries if isinstance(entry.body, Settled))
        as_withdrawn = any(body.state is DelegationState.WITHDRAWN for body in settled)
        return self._withdrawn.get(fence) if as_withdrawn else None

    def _is_host(self, fence: Fence) -> bool:
        return fence.epoch == self._epoch and fence in self._hosts

    def _fenced(self, fence: Fence) -> Fenced:
        what = f"conversation {self.id!r}" if fence.delegation is None else f"delegation {fence.delegation!r}"
        return Fenced(f"{what} is no longer {fence.writer!r}'s (epoch {fence.epoch}): another took over, or it is over")


def _orphans(entries: Sequence[Entry]) -> bool:
    return bool(entries) and all(isinstance(entry.body, Orphaned) for entry in entries)


def _keep(ledgers: dict[Fence, Ledger], fence: Fence, ledger: Ledger) -> None:
    ledgers[fence] = ledger
    if len(ledgers) > SETTLED_LEDGERS:
        del ledgers[next(iter(ledgers))]
