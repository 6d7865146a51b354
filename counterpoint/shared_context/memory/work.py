"""The delegations of the conversations in an archive: who has which, since when, and when one is given up. Told the
time, it never waits.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from counterpoint.errors import Fenced, UnknownDelegation, WriteRefused
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.delegations import Delegation, Priority
from counterpoint.shared_context.endings import STORE, given_up, withdrawn_at_close
from counterpoint.shared_context.ids import ConversationId, DelegationId, WriterId
from counterpoint.shared_context.memory.archive import Archive
from counterpoint.shared_context.memory.conversation import Conversation
from counterpoint.shared_context.memory.ledger import Ledger
from counterpoint.shared_context.memory.queues import Pending, Queues
from counterpoint.shared_context.memory.wakeup import WakeUp
from counterpoint.shared_context.scribe import Scribe
from counterpoint.shared_context.store import DeadLetter, Fence, Lease


class Work:
    """`offered` is woken when there is something to take. `max_attempts`: leases of a delegation that may run out
    before it is given up. `clock`: dates of what is written then.
    """

    def __init__(self, archive: Archive, max_attempts: int, clock: Callable[[], float]) -> None:
        self.queues = Queues()
        self.offered = WakeUp()
        self._archive = archive
        self._max_attempts = max_attempts
        self._clock = clock

    def check_new(self, kept: Conversation, delegation: DelegationId) -> None:
        if delegation in kept.pending or self.queues.dead_letter(kept.id, delegation):
            raise WriteRefused(f"delegation {delegation!r} was offered before")

    def offer(self, kept: Conversation, delegation: Delegation, now: float) -> None:
        kept.pending[delegation.id] = self.queues.offer(replace(delegation, attempts=0), now)
        self.offered.wake()

    def take(
        self, queues: Sequence[str], worker: WriterId, seconds: float, now: float, at_least: Priority
    ) -> Lease | None:
        """What is most urgent. What was lost too often is given up on the way."""
        while pending := self.queues.take(queues, now, at_least):
            if pending.lost < self._max_attempts:
                return self._grant(pending, worker, seconds, now)
            self._give_up(pending)
        return None

    def leased(self, lease: Lease) -> Pending | None:
        """The delegation, if it is still this worker's."""
        kept = self._archive.find(lease.fence.conversation)
        return kept.leased(lease.fence) if kept else None

    def renew(self, lease: Lease, now: float) -> None:
        if (pending := self.leased(lease)) is None:
            raise Fenced(f"delegation {lease.delegation.id!r} is no longer {lease.fence.writer!r}'s")
        self.queues.renew(pending, now + lease.seconds)

    def release(self, lease: Lease) -> None:
        if pending := self.leased(lease):
            self.queues.release(pending)
            self.offered.wake()

    def end(self, kept: Conversation, delegation: DelegationId) -> None:
        self.queues.remove(kept.pending.pop(delegation))

    def withdraw(self, kept: Conversation, delegation: DelegationId) -> None:
        """Its worker may still send what it sent before."""
        kept.withdrawn(kept.pending[delegation])
        self.end(kept, delegation)

    def withdraw_all(self, kept: Conversation, epoch: int) -> None:
        """The conversation closes: the log says so of each."""
        scribe = Scribe(Fence(kept.id, STORE, epoch), self._clock)
        records = [encode(scribe.write(body)) for body in withdrawn_at_close(kept.pending)]
        self._archive.append(kept, Ledger(), records)
        for delegation in list(kept.pending):
            self.end(kept, delegation)

    def become(self, kept: Conversation, unsettled: Sequence[Delegation], now: float) -> None:
        """What is unsettled is exactly this."""
        wanted = {delegation.id: delegation for delegation in unsettled}
        for delegation in [each for each in kept.pending if each not in wanted]:
            self.withdraw(kept, delegation)
        for id, delegation in wanted.items():
            if id not in kept.pending and not self.queues.dead_letter(kept.id, id):
                self.offer(kept, delegation, now)

    def retry(self, conversation: ConversationId, delegation: DelegationId, now: float) -> None:
        kept = self._archive.find(conversation)
        letter = self.queues.dead_letter(conversation, delegation)
        if kept is None or letter is None:
            raise UnknownDelegation(f"delegation {delegation!r} of {conversation!r} is not among the dead letters")
        kept.check_open()
        self.queues.unbury(letter)
        self.offer(kept, letter.delegation, now)

    def forget(self, kept: Conversation) -> None:
        self.queues.forget(kept.id, kept.pending.values())

    def set_back(self, archive: Archive, queues: Queues) -> None:
        """Those of an earlier time. Whoever waits looks again."""
        self._archive, self.queues = archive, queues
        self.offered.wake()

    def _grant(self, pending: Pending, worker: WriterId, seconds: float, now: float) -> Lease:
        fence = self._archive.writable(pending.delegation.conversation).lease_fence(pending, worker)
        self.queues.lease(pending, fence, now + seconds)
        waited = now - pending.offered
        return Lease(fence, replace(pending.delegation, attempts=pending.attempts), pending.attempts, seconds, waited)

    def _give_up(self, pending: Pending) -> None:
        """The one report: a note for the person, the end for the log, a dead letter for the operator."""
        delegation = replace(pending.delegation, attempts=pending.attempts)
        kept = self._archive.writable(delegation.conversation)
        fence = kept.lease_fence(pending, STORE)
        scribe = Scribe(fence, self._clock)
        note, settled = given_up(delegation, fence.epoch)
        self._archive.append(kept, Ledger(), [encode(scribe.write(note)), encode(scribe.write(settled))])
        self.queues.bury(DeadLetter(delegation, settled.reason))
        del kept.pending[delegation.id]
