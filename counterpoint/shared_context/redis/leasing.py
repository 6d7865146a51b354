"""Delegations as their workers see them: leased, renewed, released, settled, and given up when too many leases ran out.

A worker takes a hint from the index and claims what it points to in the conversation, which alone decides.
"""

from collections.abc import Callable, Sequence
from math import inf
from secrets import token_hex
from typing import Final

import anyio
import anyio.lowlevel
import msgspec
from msgspec.structs import replace

from counterpoint.errors import ConfigurationError, CorruptRecord, StoreError
from counterpoint.shared_context.admission import check_headers, check_names, check_settling
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.delegations import Delegation, DelegationState, Priority
from counterpoint.shared_context.endings import STORE, given_up
from counterpoint.shared_context.entries import Entry, Settled
from counterpoint.shared_context.ids import ConversationId, Position, WriterId
from counterpoint.shared_context.redis.bells import Bells
from counterpoint.shared_context.redis.kept import Kept, named, writer, written
from counterpoint.shared_context.redis.scripts import CLAIM, GIVE_UP, RELEASE, RENEW, SETTLE
from counterpoint.shared_context.redis.server import Argument, Reply
from counterpoint.shared_context.redis.work import Hint, Work, hint_of, milliseconds, unpacked, unreadable
from counterpoint.shared_context.scribe import Scribe
from counterpoint.shared_context.store import DeadLetter, Fence, Lease

LOOK_AGAIN_SECONDS: Final = 15.0
"""Whoever waits for work looks after so much silence, in case that a bell was lost."""


class Leasing:
    def __init__(
        self,
        kept: Callable[[ConversationId], Kept],
        work: Work,
        bells: Bells,
        max_attempts: int,
        clock: Callable[[], float],
    ) -> None:
        self._kept = kept
        self._work = work
        self._bells = bells
        self._max_attempts = max_attempts
        self._clock = clock

    async def lease(
        self, queues: Sequence[str], worker: WriterId, *, seconds: float, wait: float, at_least: Priority
    ) -> Lease | None:
        if not queues or isinstance(queues, str) or not 0 < seconds < inf or not wait >= 0:
            raise ConfigurationError(f"a lease needs queues, seconds > 0 and wait >= 0: {queues!r}, {seconds}, {wait}")
        check_names(*queues, worker)
        deadline = anyio.current_time() + wait
        with self._bells.bell(*self._work.channels(queues)) as bell:
            lease, due = await self._attempt(queues, worker, seconds, at_least)
            while lease is None and (now := anyio.current_time()) < deadline:
                with anyio.CancelScope(deadline=min(deadline, now + due, now + LOOK_AGAIN_SECONDS)):
                    await self._bells.wait(bell)
                lease, due = await self._attempt(queues, worker, seconds, at_least)
        return lease

    async def renew(self, lease: Lease) -> None:
        arguments = (*writer(lease.fence), milliseconds(lease.seconds))
        order, until = await self._of(lease).do(RENEW, *arguments, about=lease.delegation.id)
        await self._work.leased(hint_of(lease.delegation, order), until)

    async def release(self, lease: Lease) -> None:
        [order] = await self._of(lease).do(RELEASE, *writer(lease.fence))
        if order:
            await self._work.waits(hint_of(lease.delegation, order))

    async def settle(self, lease: Lease, entries: Sequence[Entry]) -> Sequence[Position]:
        check_settling(lease.delegation.id, entries)
        check_headers(lease.fence, entries)
        settled = next((entry, entry.body) for entry in entries if isinstance(entry.body, Settled))
        words = "last" if settled[1].state is DelegationState.WITHDRAWN else ""
        arguments = (*writer(lease.fence), words, settled[0].header.seq, *written(entries))
        order, *positions = await self._of(lease).do(SETTLE, *arguments, about=lease.delegation.id, replicated=True)
        if order:
            await self._work.gone_if_possible(hint_of(lease.delegation, order))
        return [Position(position) for position in positions]

    async def _attempt(
        self, queues: Sequence[str], worker: WriterId, seconds: float, at_least: Priority
    ) -> tuple[Lease | None, float]:
        """A lease, or in how many seconds to look again. Whoever is cancelled meanwhile was granted nothing: taking is
        not interrupted, which is as long as a few commands, and what was taken is given back.
        """
        lease, due = None, inf
        with anyio.CancelScope(shield=True):
            lease, due = await self._take(queues, worker, seconds, at_least)
        try:
            await anyio.lowlevel.checkpoint_if_cancelled()
        except anyio.get_cancelled_exc_class():
            if lease is not None:
                with anyio.CancelScope(shield=True):
                    await self._released_if_possible(lease)
            raise
        return lease, due

    async def _take(
        self, queues: Sequence[str], worker: WriterId, seconds: float, at_least: Priority
    ) -> tuple[Lease | None, float]:
        while True:
            hint, due = await self._work.take(queues, at_least, seconds)
            if hint is None:
                return None, due
            if lease := await self._claim(hint, worker, seconds):
                return lease, due

    async def _claim(self, hint: Hint, worker: WriterId, seconds: float) -> Lease | None:
        """What the hint points to, or None, and then the hint is put right."""
        conversation, delegation = hint.place
        kept = self._kept(conversation)
        request = (hint.order, named(worker), milliseconds(seconds), self._max_attempts, token_hex(8))
        kind, *facts = await kept.ask(CLAIM, named(delegation), *request)
        match kind:
            case b"granted":
                epoch, *known = facts
                try:
                    work = _delegation(known)
                except CorruptRecord:  # left to run out: a newer worker may read it, and in the end it is given up
                    return None
                fence = Fence(conversation, worker, int(epoch), delegation)
                return Lease(fence, work, work.attempts, seconds, _waited(fence, hint))
            case b"leased":
                await self._work.leased(hint, facts[0])
            case b"exhausted":
                await self._give_up(kept, hint, facts)
            case b"dead":
                await self._work.died(hint)
            case b"gone":
                await self._work.gone(hint)
            case _:
                raise kept.refusal([kind, *facts], delegation)
        return None

    async def _give_up(self, kept: Kept, hint: Hint, facts: Reply) -> None:
        """The one report: a note for the person, the end for the log, a dead letter for the operator."""
        epoch, held, *known = facts
        try:
            delegation = _delegation(known)
        except CorruptRecord:
            delegation = _placed(unreadable(hint.place, hint.queue), known)
        scribe = Scribe(Fence(kept.id, STORE, int(epoch), delegation.id), self._clock)
        note, settled = given_up(delegation, int(epoch))
        letter = msgspec.msgpack.encode(DeadLetter(delegation, settled.reason))
        records: list[Argument] = [encode(scribe.write(body)) for body in (note, settled)]
        reply = await kept.ask(GIVE_UP, named(delegation.id), held, letter, len(records), *records)
        if reply[0] == b"ok":
            await self._work.died(hint)

    async def _released_if_possible(self, lease: Lease) -> None:
        """If not, it runs out."""
        try:
            await self.release(lease)
        except StoreError:
            return

    def _of(self, lease: Lease) -> Kept:
        return self._kept(lease.fence.conversation)


def _waited(fence: Fence, hint: Hint) -> float:
    """Seconds from the offer to the lease by the server's clock: an epoch is milliseconds, an order microseconds."""
    return max(0.0, fence.epoch / 1e3 - int(hint.order) / 1e6)


def _delegation(known: Reply) -> Delegation:
    return _placed(unpacked(known[0], Delegation), known)


def _placed(work: Delegation, known: Reply) -> Delegation:
    _, upto, attempts = known
    return replace(work, upto=Position(int(upto)) or None, attempts=int(attempts))
