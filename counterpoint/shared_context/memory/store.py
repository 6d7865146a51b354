"""The store in memory: the reference of how every store behaves. For one process and one event loop.

It keeps encoded records, so that writers and readers share nothing. Every write is decided and done without an `await`
in between: it happens whole or not at all, and nobody else in the middle of it. Nothing is kept on disk.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from copy import deepcopy
from typing import Final, Self, TypeVar

import anyio
import anyio.lowlevel
from msgspec.structs import replace

from counterpoint.errors import ConfigurationError, Rewound, WriteRefused
from counterpoint.shared_context import dates
from counterpoint.shared_context.admission import (
    MAX_MEDIA_BYTES,
    check_headers,
    check_hosts,
    check_media,
    check_names,
    check_offer,
    check_plain,
    check_settling,
    only,
)
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.entries import Amended, Asked, Body, Closed, Entry, Settled, Stored, Withdrawn
from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId, Position, WriterId
from counterpoint.shared_context.memory.adopting import Adopted, Adopting
from counterpoint.shared_context.memory.archive import Archive
from counterpoint.shared_context.memory.conversation import Conversation
from counterpoint.shared_context.memory.restoring import restore_log
from counterpoint.shared_context.memory.work import Work
from counterpoint.shared_context.store import (
    ADOPTED_MEDIA_SECONDS,
    Adoption,
    DeadLetter,
    Fence,
    Lease,
    MediaObject,
    Opening,
    Restoration,
    Snapshot,
    Standing,
)

B = TypeVar("B", bound=Body)

MAX_BYTES: Final = 1 << 30
MAX_ATTEMPTS: Final = 3

_FOLLOWED_AT_ONCE: Final = 100
"""Entries that a follower is handed before others get a turn."""

_START: Final = Position(0)


class MemoryStore:
    """`max_bytes`: of all logs, snapshots and media together; then closed conversations are forgotten, oldest first,
    and then `StoreFull` is raised. `max_media_bytes`: of one media object. `max_attempts`: leases of a delegation that
    may run out before it is given up. `clock`: dates of what the store itself writes, in seconds since 1970.
    """

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        max_media_bytes: int = MAX_MEDIA_BYTES,
        max_attempts: int = MAX_ATTEMPTS,
        clock: Callable[[], float] = dates.now,
    ) -> None:
        if min(max_bytes, max_media_bytes, max_attempts) < 1:
            raise ConfigurationError("a memory store's limits are at least 1")
        self._max_media_bytes = max_media_bytes
        self._archive = Archive(max_bytes)
        self._work = Work(self._archive, max_attempts, clock)
        self._restored: dict[ConversationId, str] = {}
        self._adopted = Adopting()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Nothing to free: what was appended stays readable for as long as the store is referred to."""

    # the log

    async def open(self, conversation: ConversationId, writer: WriterId) -> Opening:
        check_names(conversation, writer)
        return self._archive.openable(conversation).open(writer)

    async def append(self, fence: Fence, entries: Sequence[Entry]) -> Sequence[Position]:
        check_plain(entries)
        return self._write(self._archive.writable(fence.conversation), fence, entries)

    async def read(self, conversation: ConversationId, after: Position = _START, limit: int = 1000) -> Sequence[Stored]:
        if limit < 1:
            raise ConfigurationError(f"at least one entry can be read, not {limit}")
        return self._archive.readable(conversation).log.after(after, limit)

    async def follow(
        self, conversation: ConversationId, after: Position = _START, stamp: int = 0
    ) -> AsyncGenerator[Stored, None]:
        born = self._archive.readable(conversation).born
        while not self._archive.has_forgotten(conversation):
            kept = self._archive.readable(conversation)
            there = kept.log.stamp(after)
            if kept.born != born or kept.log.tail < after or (stamp and there and stamp != there):
                raise Rewound(f"the log of {conversation!r} is not what it was up to {after}")
            if batch := kept.log.after(after, _FOLLOWED_AT_ONCE):
                for stored in batch:
                    after, stamp = stored.position, stored.stamp
                    yield stored
                await anyio.lowlevel.checkpoint()
            elif kept.closed:
                return
            else:
                await kept.changed.wait()

    async def standing(self, fence: Fence) -> Standing:
        self._archive.check_not_forgotten(fence.conversation, fence.epoch)
        kept = self._archive.find(fence.conversation)
        return kept.standing(fence) if kept else Standing()

    async def restore(self, fence: Fence, given: Restoration) -> Standing:
        self._archive.check_not_forgotten(fence.conversation, fence.epoch)
        kept = self._archive.openable(fence.conversation)
        kept.check_not_overtaken(fence)
        if self._restored.get(fence.conversation) != given.token:
            if kept.log.tail != given.tail:
                raise Rewound(f"the log of {fence.conversation!r} does not end at {given.tail}")
            self._restored[fence.conversation] = given.token
            before = kept.size
            restore_log(kept, fence, given, self._archive.stamp)
            self._archive.grew(kept.size - before)
            if given.unsettled is not None:
                self._work.become(kept, given.unsettled, anyio.current_time())
        kept.changed.wake()
        return kept.standing(fence)

    async def snapshot(self, fence: Fence, upto: Position, data: bytes) -> None:
        kept = self._archive.writable(fence.conversation)
        kept.check_host(fence)
        covered = kept.snapshot.upto if kept.snapshot else 0
        if not max(1, covered) <= upto <= kept.log.tail:
            raise WriteRefused(
                f"no snapshot up to {upto}: {covered} is covered already, the log ends at {kept.log.tail}"
            )
        growth = len(data) - (len(kept.snapshot.data) if kept.snapshot else 0)
        self._make_room(growth)
        self._archive.grew(growth)
        kept.snapshot = Snapshot(upto, bytes(data))

    async def last_snapshot(self, conversation: ConversationId) -> Snapshot | None:
        return self._archive.readable(conversation).snapshot

    async def trim(self, fence: Fence, upto: Position) -> None:
        kept = self._archive.writable(fence.conversation)
        kept.check_host(fence)
        covered = kept.snapshot.upto if kept.snapshot else 0
        if upto > covered:
            raise WriteRefused(f"no trimming up to {upto}: the last snapshot covers entries up to {covered} only")
        self._archive.grew(-kept.log.trim(upto))

    async def close(self, fence: Fence, entry: Entry) -> Position:
        kept, _, fresh = self._operation(fence, entry, Closed)
        if fresh:
            encode(entry)  # nothing is withdrawn for an entry that cannot be written
            self._work.withdraw_all(kept, fence.epoch)
        position = self._write(kept, fence, (entry,), always=True)[0]
        if fresh:
            self._archive.close(kept)
        return position

    async def forget(self, conversation: ConversationId) -> None:
        if kept := self._archive.find(conversation):
            self._forget(kept)

    async def adopt(
        self,
        conversation: ConversationId,
        token: str,
        entries: Sequence[Stored],
        *,
        begins: bool = False,
        media: Sequence[MediaObject] = (),
        whole: Adoption | None = None,
    ) -> None:
        check_names(conversation)
        if self._adopted.is_done(token):
            return
        if self._archive.find(conversation):
            raise WriteRefused(f"a conversation of the id {conversation!r} is kept here already")
        for each in media:
            check_media(each.id, each.data, self._max_media_bytes)
        self._adopted.take(conversation, token, entries, media, begins=begins, stamp=self._archive.stamp)
        if whole is not None:
            self._settle_in(self._adopted.whole(conversation, whole), whole)

    # delegations, the host's side

    async def offer(self, fence: Fence, entry: Entry) -> Position:
        kept, asked, fresh = self._operation(fence, entry, Asked)
        delegation = asked.delegation
        if fresh:
            check_offer(fence, delegation)
            self._work.check_new(kept, delegation.id)
        position = self._write(kept, fence, (entry,))[0]
        if fresh:
            self._work.offer(kept, replace(delegation, upto=position), anyio.current_time())
        return position

    async def amend(self, fence: Fence, entry: Entry) -> Position:
        kept, amended, fresh = self._operation(fence, entry, Amended)
        if fresh:
            kept.check_unsettled(amended.delegation)
        return self._write(kept, fence, (entry,))[0]

    async def withdraw(self, fence: Fence, entry: Entry) -> Position:
        kept, withdrawn, fresh = self._operation(fence, entry, Withdrawn)
        if fresh:
            kept.check_unsettled(withdrawn.delegation)
        position = self._write(kept, fence, (entry,), always=True)[0]
        if fresh:
            self._work.withdraw(kept, withdrawn.delegation)
        return position

    # delegations, the worker's side

    async def lease(
        self,
        queues: Sequence[str],
        worker: WriterId,
        *,
        seconds: float,
        wait: float,
        at_least: Priority = Priority.LOW,
    ) -> Lease | None:
        if not queues or isinstance(queues, str) or not seconds > 0 or not wait >= 0:
            raise ConfigurationError(f"a lease needs queues, seconds > 0 and wait >= 0: {queues!r}, {seconds}, {wait}")
        check_names(*queues, worker)
        await anyio.lowlevel.checkpoint()
        deadline = anyio.current_time() + wait
        while True:
            # From here to the return nothing waits: a caller that is cancelled was granted nothing.
            now = anyio.current_time()
            if lease := self._work.take(queues, worker, seconds, now, at_least):
                return lease
            if now >= deadline:
                return None
            with anyio.CancelScope(deadline=min(deadline, self._work.queues.next_expiry(queues, at_least))):
                await self._work.offered.wait()

    async def renew(self, lease: Lease) -> None:
        self._work.renew(lease, anyio.current_time())

    async def settle(self, lease: Lease, entries: Sequence[Entry]) -> Sequence[Position]:
        check_settling(lease.delegation.id, entries)
        kept = self._archive.writable(lease.fence.conversation)
        pending = kept.leased(lease.fence)
        if pending and not any(isinstance(entry.body, Settled) for entry in kept.fresh(lease.fence, entries)):
            raise WriteRefused("the number of this Settled was given to another entry")
        ledger = kept.ledger(lease.fence, entries)
        positions = self._write(kept, lease.fence, entries)
        if pending:
            self._work.end(kept, pending.delegation.id)
        kept.remember(lease.fence, ledger)
        return positions

    async def release(self, lease: Lease) -> None:
        self._work.release(lease)

    async def dead(self, queue: str) -> Sequence[DeadLetter]:
        return self._work.queues.dead(queue)

    async def retry(self, conversation: ConversationId, delegation: DelegationId) -> None:
        self._work.retry(conversation, delegation, anyio.current_time())

    # media

    async def put_media(self, fence: Fence, media: MediaId, data: bytes, *, ttl: float) -> None:
        kept = self._archive.writable(fence.conversation)
        kept.check_writer(fence)
        check_media(media, data, self._max_media_bytes, ttl=ttl)
        now = anyio.current_time()
        self._archive.shelf.expire(now)
        self._make_room(len(data))
        self._archive.shelf.put(kept.id, media, bytes(data), now + ttl)

    async def get_media(self, conversation: ConversationId, media: MediaId) -> bytes | None:
        return self._archive.shelf.get(self._archive.readable(conversation).id, media, anyio.current_time())

    def remembered(self) -> Callable[[], None]:
        """What sets the store back to how it is now, as a server does that comes back without its last writes: for
        tests. Nobody is told.
        """
        saved = deepcopy((self._archive, self._work.queues))

        def set_back() -> None:
            newer = self._archive
            self._archive, queues = deepcopy(saved)
            self._archive.after(newer)
            newer.wake_all()
            self._work.set_back(self._archive, queues)
            self._restored.clear()

        return set_back

    # how

    def _operation(self, fence: Fence, entry: Entry, kind: type[B]) -> tuple[Conversation, B, bool]:
        """A host's entry that does something; False if that was done when it was first sent."""
        kept = self._archive.writable(fence.conversation)
        body = only(entry, kind)
        check_hosts(fence)
        check_headers(fence, (entry,))
        return kept, body, bool(kept.fresh(fence, (entry,)))

    def _write(
        self, kept: Conversation, fence: Fence, entries: Sequence[Entry], *, always: bool = False
    ) -> list[Position]:
        """`always`: what ends work makes room and needs little, so it is written into a full store too."""
        check_headers(fence, entries)
        ledger = kept.ledger(fence, entries)
        if fresh := kept.fresh(fence, entries):
            records = [encode(entry) for entry in fresh]
            if not always:
                self._make_room(sum(map(len, records)))
            self._archive.append(kept, ledger, records)
        return [ledger.position(entry.header.seq) for entry in entries]

    def _make_room(self, growth: int) -> None:
        if not self._archive.fits(growth):
            for kept in self._archive.in_the_way(growth, anyio.current_time()):
                self._forget(kept)

    def _forget(self, kept: Conversation) -> None:
        self._work.forget(kept)
        self._archive.forget(kept)

    def _settle_in(self, adopted: Adopted, whole: Adoption) -> None:
        """It is a conversation of this store from now on."""
        media = sum(len(each.data) for each in adopted.media)
        self._make_room(adopted.size + media)
        floor = max(whole.epoch, self._archive.floor_of(adopted.conversation))
        kept = self._archive.openable(adopted.conversation)
        kept.log, kept.snapshot, kept.floor = adopted.log, whole.snapshot, floor
        self._archive.grew(kept.size)
        expires = anyio.current_time() + ADOPTED_MEDIA_SECONDS
        for each in adopted.media:
            self._archive.shelf.put(kept.id, each.id, each.data, expires)
        if whole.closed:
            self._archive.close(kept)
        self._work.become(kept, whole.unsettled, anyio.current_time())
