"""A host and a worker, reduced to what a store sees of them. They keep no copy of what they wrote."""

from collections.abc import Sequence

from counterpoint.config import LEASE_SECONDS
from counterpoint.shared_context.delegations import Delegation, DelegationState, Priority
from counterpoint.shared_context.entries import Amended, Asked, Body, Closed, Entry, Settled, Turn, Withdrawn
from counterpoint.shared_context.ids import ConversationId, DelegationId, Position, WriterId
from counterpoint.shared_context.scribe import Scribe
from counterpoint.shared_context.store import ContextStore, Lease, Opening


class Host:
    """The host of one conversation, from one `open` on."""

    def __init__(self, store: ContextStore, opening: Opening) -> None:
        self.store = store
        self.fence = opening.fence
        self.tail = opening.tail
        self.scribe = Scribe(opening.fence)

    @classmethod
    async def open(cls, store: ContextStore, conversation: str = "conversation", writer: str = "host") -> "Host":
        return cls(store, await store.open(ConversationId(conversation), WriterId(writer)))

    @property
    def conversation(self) -> ConversationId:
        return self.fence.conversation

    async def say(self, *texts: str) -> Sequence[Position]:
        return await self.append(*(Turn(text=text) for text in texts))

    async def append(self, *bodies: Body) -> Sequence[Position]:
        return await self.store.append(self.fence, [self.scribe.write(body) for body in bodies])

    async def ask(self, delegation: str, *, priority: Priority = Priority.NORMAL, queue: str = "default") -> Position:
        return await self.store.offer(self.fence, self.asking(delegation, priority=priority, queue=queue))

    def asking(self, delegation: str, *, priority: Priority = Priority.NORMAL, queue: str = "default") -> Entry:
        work = Delegation(DelegationId(delegation), self.conversation, "When is the next train?", priority, queue)
        return self.scribe.write(Asked(work))

    async def amend(self, delegation: str, text: str) -> Position:
        return await self.store.amend(self.fence, self.scribe.write(Amended(DelegationId(delegation), text)))

    async def withdraw(self, delegation: str) -> Position:
        return await self.store.withdraw(self.fence, self.scribe.write(Withdrawn(DelegationId(delegation))))

    async def close(self) -> Position:
        return await self.store.close(self.fence, self.scribe.write(Closed()))


class Worker:
    """A worker with one delegation."""

    def __init__(self, store: ContextStore, lease: Lease) -> None:
        self.store = store
        self.lease = lease
        self.scribe = Scribe(lease.fence)

    @classmethod
    async def take(
        cls,
        store: ContextStore,
        name: str = "worker",
        *queues: str,
        seconds: float = LEASE_SECONDS,
        wait: float = 0.0,
        at_least: Priority = Priority.LOW,
    ) -> "Worker":
        """The next delegation; there has to be one."""
        names = queues or ("default",)
        lease = await store.lease(names, WriterId(name), seconds=seconds, wait=wait, at_least=at_least)
        if lease is None:
            raise AssertionError(f"{name} waited {wait} s and was leased nothing")
        return cls(store, lease)

    @property
    def delegation(self) -> DelegationId:
        return self.lease.delegation.id

    async def append(self, *bodies: Body) -> Sequence[Position]:
        return await self.store.append(self.lease.fence, [self.scribe.write(body) for body in bodies])

    async def settle(self, *bodies: Body, state: DelegationState = DelegationState.DONE) -> Sequence[Position]:
        return await self.store.settle(self.lease, self.settling(*bodies, state=state))

    def settling(self, *bodies: Body, state: DelegationState = DelegationState.DONE) -> list[Entry]:
        return [self.scribe.write(body) for body in (*bodies, Settled(self.delegation, state))]

    async def renew(self) -> None:
        await self.store.renew(self.lease)

    async def release(self) -> None:
        await self.store.release(self.lease)


async def nothing_waits(store: ContextStore, *queues: str, at_least: Priority = Priority.LOW) -> bool:
    """No delegation of these queues can be leased now."""
    names = queues or ("default",)
    return await store.lease(names, WriterId("idler"), seconds=LEASE_SECONDS, wait=0.0, at_least=at_least) is None
