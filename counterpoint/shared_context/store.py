"""The store protocol: where shared contexts are kept, and the queue of delegations. All stores behave alike.

Every write names a `Fence`. A store accepts it only while that fence is the newest of its kind: for the host, the
conversation's epoch; for a worker, the epoch of the delegation's lease. Writes are idempotent by (writer, epoch, seq):
sending an entry again returns the position it already has. Reads never wait; `follow` does.

Entries that act (`Asked`, `Amended`, `Withdrawn`, `Settled`, `Closed`) go through the operation that acts on them. A
write that contradicts its fence, its operation or the record raises `WriteRefused`, one that no reader could read
`CorruptRecord`; a write to a conversation that is not kept raises `ConversationClosed`, a read `UnknownConversation`.
`counterpoint.testing.store_contract` says all of this in tests.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Final, Protocol, Self

import msgspec

from counterpoint.shared_context.delegations import Delegation, Priority
from counterpoint.shared_context.entries import Entry, Stored
from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId, Position, WriterId


class Fence(msgspec.Struct, frozen=True):
    """The right to write: the host's (`delegation=None`), or a worker's for one delegation."""

    conversation: ConversationId
    writer: WriterId
    epoch: int
    delegation: DelegationId | None = None


class Opening(msgspec.Struct, frozen=True):
    """`tail`: position of the newest entry before this host opened the conversation (0: it is new)."""

    fence: Fence
    tail: Position


class Lease(msgspec.Struct, frozen=True):
    """A delegation is this worker's until `seconds` have passed without `renew`. `attempt` counts from 1. `waited`:
    seconds since it was offered (or tried again) by the store's own clock, where the store tells.
    """

    fence: Fence
    delegation: Delegation
    attempt: int
    seconds: float
    waited: float | None = None


class Snapshot(msgspec.Struct, frozen=True):
    """A compacted timeline (`data`: msgpack) that stands for all entries up to `upto`."""

    upto: Position
    data: bytes


class Standing(msgspec.Struct, frozen=True):
    """How far a store has come with a host. `tail`, `stamp`: the newest entry of the log; `last`: the number of the
    newest entry under this host's fence; `covered`: by the snapshot. `held`: the store knows this fence.
    """

    tail: Position = Position(0)
    stamp: int = 0
    last: int = 0
    covered: Position = Position(0)
    held: bool = False


class Restoration(msgspec.Struct, frozen=True):
    """What a host gives back to a store that has lost its last writes: everything that it knows after `base`.

    `entries`: of all writers, in order, with the positions and stamps that they had. `last`: the number of the host's
    own newest entry up to their end. `unsettled`: the delegations that are unsettled then (None: as the store has it).
    `snapshot`: needed where the log ends before `base`. `token` is told from that of every other restoration. `tail`:
    where the log ended when the host looked; `Rewound` is raised if it ends elsewhere.
    """

    token: str
    tail: Position
    base: Position
    entries: tuple[Stored, ...]
    last: int
    unsettled: tuple[Delegation, ...] | None = None
    snapshot: Snapshot | None = None


ADOPTED_MEDIA_SECONDS: Final = 86_400.0
"""How long media are kept that came with a log: what was left of their time is not known."""


class MediaObject(msgspec.Struct, frozen=True):
    id: MediaId
    data: bytes


class Adoption(msgspec.Struct, frozen=True):
    """What a log that was kept elsewhere is besides its entries. `epoch`: the newest in it, of hosts and leases.
    `unsettled`: delegations that wait to be worked on, from their first attempt on.
    """

    epoch: int
    closed: bool
    unsettled: tuple[Delegation, ...] = ()
    snapshot: Snapshot | None = None


class DeadLetter(msgspec.Struct, frozen=True):
    """A delegation that was given up after too many attempts."""

    delegation: Delegation
    reason: str


class ContextStore(Protocol):
    """Use it as an async context manager; leaving it frees connections and loses nothing that was appended.

    Every method raises `StoreUnavailable` if the store does not answer; writes raise `StoreFull` if it may not grow.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def open(self, conversation: ConversationId, writer: WriterId) -> Opening:
        """Become the host. Fences every earlier host. Raises `ConversationClosed` if it was closed."""
        ...

    async def append(self, fence: Fence, entries: Sequence[Entry]) -> Sequence[Position]:
        """Add entries in order, all or none. Raises `Fenced`, `SequenceGap`, `ConversationClosed`."""
        ...

    async def read(
        self, conversation: ConversationId, after: Position = Position(0), limit: int = 1000
    ) -> Sequence[Stored]:
        """The entries after a position, oldest first. Positions are consecutive; those that were trimmed are missing
        from the front, and `last_snapshot` covers them.
        """
        ...

    def follow(
        self, conversation: ConversationId, after: Position = Position(0), stamp: int = 0
    ) -> AsyncGenerator[Stored, None]:
        """Every entry after a position, as it comes; ends when the conversation is closed or forgotten.

        Cancelling loses nothing: follow again from the last position seen. Where a position is skipped, the log was
        trimmed before it was followed to there, and `last_snapshot` covers what is missing. Raises `Rewound` where the
        log ends before that position, or has another entry there than the one with that stamp, and
        `UnknownConversation` where nothing is kept (any more).
        """
        ...

    async def standing(self, fence: Fence) -> Standing:
        """What the store has of a host's conversation, also if it was set back to before the host opened it, or has
        nothing of it. Raises `Fenced` if a newer host has it, `ConversationClosed` if it was closed or forgotten.
        """
        ...

    async def restore(self, fence: Fence, given: Restoration) -> Standing:
        """Make good what a store has lost that was set back. The host is the host again, as it was, unless a newer one
        has opened the conversation (`Fenced`) or it was closed or forgotten (`ConversationClosed`). What is missing in
        the log is put back, in its place where that is free, else at the end; what is there already is not written
        again. Afterwards what is unsettled is what the host says: it waits to be leased, or still has its worker.
        """
        ...

    async def snapshot(self, fence: Fence, upto: Position, data: bytes) -> None:
        """Keep a compacted timeline; replaces the older one. Host only."""
        ...

    async def last_snapshot(self, conversation: ConversationId) -> Snapshot | None: ...

    async def trim(self, fence: Fence, upto: Position) -> None:
        """Remove entries up to a position that a snapshot covers. Host only."""
        ...

    async def close(self, fence: Fence, entry: Entry) -> Position:
        """Append the last entry. From then on nothing is accepted. Unsettled delegations are withdrawn."""
        ...

    async def offer(self, fence: Fence, entry: Entry) -> Position:
        """Append an `Asked` entry and queue its delegation (with `upto` set to that entry), in one step."""
        ...

    async def lease(
        self,
        queues: Sequence[str],
        worker: WriterId,
        *,
        seconds: float,
        wait: float,
        at_least: Priority = Priority.LOW,
    ) -> Lease | None:
        """Take the most urgent delegation of these queues; wait for one up to `wait` seconds.

        Only delegations that are `at_least` as urgent are taken: a worker keeps a slot for urgent work.

        Leases that ran out are taken over here, with a new epoch and `attempt + 1`; after too many attempts the
        delegation goes to the dead letters instead, and a failure is appended to its conversation.
        """
        ...

    async def renew(self, lease: Lease) -> None:
        """Extend the lease from now. Raises `Fenced` if it was lost, withdrawn or settled."""
        ...

    async def settle(self, lease: Lease, entries: Sequence[Entry]) -> Sequence[Position]:
        """Append the last entries of an attempt, a `Settled` among them, and free the delegation.

        The worker of a delegation that was withdrawn may settle it once as `WITHDRAWN`: that is how it tells what came
        of a write that it could not stop.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give a delegation back at once, for the next worker: a worker that drains. It keeps its place in the queue
        and this is no failed attempt. Releasing what was lost already changes nothing.
        """
        ...

    async def amend(self, fence: Fence, entry: Entry) -> Position:
        """Append an `Amended` entry. Host only; outranks the lease. Raises `UnknownDelegation` if it is settled."""
        ...

    async def withdraw(self, fence: Fence, entry: Entry) -> Position:
        """Append a `Withdrawn` entry and fence the worker. Host only. Raises `UnknownDelegation` if it is settled."""
        ...

    async def dead(self, queue: str) -> Sequence[DeadLetter]: ...

    async def retry(self, conversation: ConversationId, delegation: DelegationId) -> None:
        """Queue a dead delegation again, with its attempts counted anew."""
        ...

    async def forget(self, conversation: ConversationId) -> None:
        """Remove everything of one conversation: log, media, snapshot, delegations. Idempotent."""
        ...

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
        """Take in a log that was kept elsewhere, page by page. Nobody sees anything of it until the page with `whole`,
        the last one; one that breaks off goes away by itself. `token` is told from that of every other adoption. A page
        may be sent again; `begins`: it is the first.

        Raises `WriteRefused` if a conversation of that id is kept, and for a page that does not follow the one before.
        """
        ...

    async def put_media(self, fence: Fence, media: MediaId, data: bytes, *, ttl: float) -> None:
        """Keep a media object for `ttl` seconds. Raises `MediaTooLarge`."""
        ...

    async def get_media(self, conversation: ConversationId, media: MediaId) -> bytes | None:
        """None if it is unknown or has expired."""
        ...
