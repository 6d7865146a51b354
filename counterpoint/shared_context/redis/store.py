"""The store on a Redis server: the log of conversations, and what is kept beside it.

What is written is decided on the server, in one script and one round trip, so hosts and workers on any machines see
one order. A write whose reply was lost is sent again as it is: it is not written twice.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from math import inf
from pathlib import Path
from typing import Final, Self

import anyio

from counterpoint.errors import (
    ConfigurationError,
    ConversationClosed,
    Rewound,
    UnknownConversation,
)
from counterpoint.shared_context import dates
from counterpoint.shared_context.admission import (
    MAX_MEDIA_BYTES,
    check_headers,
    check_hosts,
    check_media,
    check_names,
    check_plain,
    only,
)
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.endings import STORE, withdrawn_at_close
from counterpoint.shared_context.entries import Closed, Entry, Orphaned, Stored
from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId, Position, WriterId
from counterpoint.shared_context.redis.adopting import Adopting
from counterpoint.shared_context.redis.bells import Bells
from counterpoint.shared_context.redis.embedded import EmbeddedServer
from counterpoint.shared_context.redis.kept import Kept, Page, name, named, precious, writer, written
from counterpoint.shared_context.redis.leasing import Leasing
from counterpoint.shared_context.redis.offering import Offering
from counterpoint.shared_context.redis.refusals import Forgotten, unread
from counterpoint.shared_context.redis.replication import REPLICA_SECONDS, Durability
from counterpoint.shared_context.redis.restoring import Restoring
from counterpoint.shared_context.redis.scripts import (
    APPEND,
    CLOSE,
    FORGET,
    GET_MEDIA,
    LAST_SNAPSHOT,
    OPEN,
    PUT_MEDIA,
    SNAPSHOT,
    TRIM,
)
from counterpoint.shared_context.redis.server import Argument, Server
from counterpoint.shared_context.redis.work import Work, milliseconds
from counterpoint.shared_context.scribe import Scribe
from counterpoint.shared_context.store import (
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

TTL_SECONDS: Final = 7 * 86_400.0
MAX_ATTEMPTS: Final = 3

LOOK_AGAIN_SECONDS: Final = 15.0
"""A follower looks into the log after so much silence: a conversation may have reached its time to live."""

_PAGE: Final = 100
_START: Final = Position(0)


class RedisStore:
    """`prefix`: what all keys begin with. `ttl`: seconds for which a conversation is kept after the last write to it.
    `max_media_bytes`: of one media object. `max_attempts`: leases of a delegation that may run out before it is given
    up. `clock`: dates of what the store itself writes, in seconds since 1970; leases run by the server's clock.
    `durability`: whether asks and last notes wait for a replica where there is one (`replicated`, the default) or not
    (`fast`); `replica_seconds`: for how long at most.
    `beside`: what runs for as long as the store is open (a server of its own).
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "counterpoint",
        ttl: float = TTL_SECONDS,
        max_media_bytes: int = MAX_MEDIA_BYTES,
        max_attempts: int = MAX_ATTEMPTS,
        durability: Durability = "replicated",
        replica_seconds: float = REPLICA_SECONDS,
        clock: Callable[[], float] = dates.now,
        beside: AbstractAsyncContextManager[object] | None = None,
    ) -> None:
        if not 1 <= ttl < inf or min(max_media_bytes, max_attempts) < 1:
            raise ConfigurationError("a Redis store keeps things for at least a second; its limits are at least 1")
        if not prefix or set(prefix) & set("{}"):
            raise ConfigurationError(f"a prefix is not empty and has no braces: {prefix!r}")
        self._beside = beside or nullcontext()
        self._opening = anyio.Lock()
        self._users = 0
        self._server = Server(url, durability, replica_seconds)
        self._bells = Bells(self._server.bells)
        self._prefix = prefix
        self._ttl = milliseconds(ttl)
        self._max_media_bytes = max_media_bytes
        self._clock = clock
        self._work = Work(self._server, prefix, self._ttl)
        self._offering = Offering(self._kept, self._work)
        self._restoring = Restoring(self._kept, self._work)
        self._adopting = Adopting(self._kept, self._restoring)
        self._leasing = Leasing(self._kept, self._work, self._bells, max_attempts, clock)

    async def __aenter__(self) -> Self:
        """May be entered by several at once. Raises `ConfigurationError` for a server that cannot be used,
        `StoreUnavailable` if none answers.
        """
        async with self._opening:
            if self._users == 0:
                await self._beside.__aenter__()
                try:
                    await self._server.check()
                except BaseException:
                    await self._leave()
                    raise
            self._users += 1
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._users -= 1
        if self._users == 0:
            await self._leave()

    async def _leave(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._bells.close()
            await self._server.close()
            await self._beside.__aexit__(None, None, None)

    # the log

    async def open(self, conversation: ConversationId, writer: WriterId) -> Opening:
        check_names(conversation, writer)
        epoch, tail, *unsettled = await self._kept(conversation).do(OPEN, named(writer))
        await self._restoring.mend(conversation, unsettled)
        return Opening(Fence(conversation, writer, int(epoch)), Position(tail))

    async def append(self, fence: Fence, entries: Sequence[Entry]) -> Sequence[Position]:
        check_plain(entries)
        check_headers(fence, entries)
        orphans = bool(entries) and all(isinstance(entry.body, Orphaned) for entry in entries)
        words = "orphans" if orphans else ""
        return await self._kept(fence.conversation).write(
            APPEND, fence, words, *written(entries), replicated=precious(entries)
        )

    async def read(self, conversation: ConversationId, after: Position = _START, limit: int = 1000) -> Sequence[Stored]:
        if limit < 1:
            raise ConfigurationError(f"at least one entry can be read, not {limit}")
        return (await self._kept(conversation).page(after, limit)).entries

    async def follow(
        self, conversation: ConversationId, after: Position = _START, stamp: int = 0
    ) -> AsyncGenerator[Stored, None]:
        kept = self._kept(conversation)
        with self._bells.bell(kept.keys.channel) as bell:
            page: Page | None = await kept.page(after, _PAGE, stamp)
            born = page.born
            while page is not None:
                if page.born != born:
                    raise Rewound(f"conversation {conversation!r} is not the one that was followed")
                for stored in page.entries:
                    after, stamp = stored.position, stored.stamp
                    yield stored
                if len(page.entries) < _PAGE:  # to the end: what came since has rung
                    if page.closed:
                        return
                    with anyio.move_on_after(LOOK_AGAIN_SECONDS):
                        await self._bells.wait(bell)
                page = await _page_unless_forgotten(kept, after, stamp)

    async def standing(self, fence: Fence) -> Standing:
        return await self._restoring.standing(fence)

    async def restore(self, fence: Fence, given: Restoration) -> Standing:
        return await self._restoring.restore(fence, given)

    async def snapshot(self, fence: Fence, upto: Position, data: bytes) -> None:
        check_hosts(fence)
        await self._kept(fence.conversation).write(SNAPSHOT, fence, upto, bytes(data))

    async def last_snapshot(self, conversation: ConversationId) -> Snapshot | None:
        try:
            found = await self._kept(conversation).do(LAST_SNAPSHOT)
        except ConversationClosed as error:
            raise unread(error) from error
        return Snapshot(Position(found[0]), found[1]) if found else None

    async def trim(self, fence: Fence, upto: Position) -> None:
        check_hosts(fence)
        await self._kept(fence.conversation).write(TRIM, fence, upto)

    async def close(self, fence: Fence, entry: Entry) -> Position:
        only(entry, Closed)
        check_hosts(fence)
        check_headers(fence, (entry,))
        kept = self._kept(fence.conversation)
        unsettled: list[DelegationId] = []
        while True:
            # What is unsettled is known when the server is asked; meanwhile it may have changed again.
            reply = await kept.ask(CLOSE, *writer(fence), *written((entry,)), *self._withdrawals(fence, unsettled))
            if reply[0] == b"ok":
                return Position(reply[1])
            if reply[0] != b"again":
                raise kept.refusal(reply)
            unsettled = [DelegationId(name(each)) for each in reply[1:]]

    async def forget(self, conversation: ConversationId) -> None:
        kept = self._kept(conversation)
        queues = await kept.do(FORGET, kept.keys.media)
        await self._work.forgotten(conversation, {"default", *map(name, queues)})

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
        for each in media:
            check_media(each.id, each.data, self._max_media_bytes)
        await self._adopting.adopt(conversation, token, entries, begins=begins, media=media, whole=whole)

    # delegations, the host's side and the operator's

    async def offer(self, fence: Fence, entry: Entry) -> Position:
        return await self._offering.offer(fence, entry)

    async def amend(self, fence: Fence, entry: Entry) -> Position:
        return await self._offering.amend(fence, entry)

    async def withdraw(self, fence: Fence, entry: Entry) -> Position:
        return await self._offering.withdraw(fence, entry)

    async def dead(self, queue: str) -> Sequence[DeadLetter]:
        return await self._offering.dead(queue)

    async def retry(self, conversation: ConversationId, delegation: DelegationId) -> None:
        await self._offering.retry(conversation, delegation)

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
        return await self._leasing.lease(queues, worker, seconds=seconds, wait=wait, at_least=at_least)

    async def renew(self, lease: Lease) -> None:
        await self._leasing.renew(lease)

    async def settle(self, lease: Lease, entries: Sequence[Entry]) -> Sequence[Position]:
        return await self._leasing.settle(lease, entries)

    async def release(self, lease: Lease) -> None:
        await self._leasing.release(lease)

    # media

    async def put_media(self, fence: Fence, media: MediaId, data: bytes, *, ttl: float) -> None:
        check_media(media, data, self._max_media_bytes, ttl=ttl)
        kept = self._kept(fence.conversation)
        object_key = kept.keys.media_object(media)
        quoted = object_key.removeprefix(kept.keys.media)
        arguments = (*writer(fence), quoted, bytes(data), milliseconds(ttl))
        await kept.do(PUT_MEDIA, *arguments, more=(object_key,), about=fence.delegation)

    async def get_media(self, conversation: ConversationId, media: MediaId) -> bytes | None:
        kept = self._kept(conversation)
        try:
            found = await kept.do(GET_MEDIA, more=(kept.keys.media_object(media),))
        except ConversationClosed as error:
            raise unread(error) from error
        return found[0] if found else None

    # how

    def _kept(self, conversation: ConversationId) -> Kept:
        return Kept(self._server, self._prefix, self._ttl, conversation)

    def _withdrawals(self, fence: Fence, unsettled: list[DelegationId]) -> list[Argument]:
        scribe = Scribe(Fence(fence.conversation, STORE, fence.epoch), self._clock)
        flat: list[Argument] = [len(unsettled)]
        for delegation, body in zip(unsettled, withdrawn_at_close(unsettled), strict=True):
            flat += (named(delegation), encode(scribe.write(body)))
        return flat


def embedded(folder: Path | None = None) -> RedisStore:
    """A store on a server of its own, which keeps its data in a folder, or nowhere."""
    server = EmbeddedServer(folder)
    return RedisStore(server.url, beside=server)


async def _page_unless_forgotten(kept: Kept, after: Position, stamp: int) -> Page | None:
    """Raises `UnknownConversation` for one that is missing, `Rewound` for one that is not what it was."""
    try:
        return await kept.page(after, _PAGE, stamp)
    except UnknownConversation as error:
        if isinstance(error.__cause__, Forgotten):
            return None
        raise
