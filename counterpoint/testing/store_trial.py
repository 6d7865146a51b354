"""What the parts of the store contract share: how time passes, what is expected to be refused, what is read."""

from collections.abc import Generator, Sequence
from contextlib import aclosing, contextmanager
from typing import TypeVar

import anyio

from counterpoint.shared_context.entries import Body, Stored, Turn
from counterpoint.shared_context.ids import ConversationId, Position
from counterpoint.shared_context.store import ContextStore

E = TypeVar("E", bound=Exception)

START = Position(0)


class StoreTrial:
    lease_seconds = 1.0
    """How long the leases of these tests last: several times what your store needs for a call."""

    moment = 0.05
    """Seconds after which a call that waits can be taken to wait."""

    attempts = 3
    """Leases of one delegation that may run out before the store under test gives it up."""

    media_bytes = 16 << 20
    """The largest media object that the store under test keeps."""

    async def elapse(self, seconds: float) -> None:
        """Let time pass, for the store and for these tests alike."""
        await anyio.sleep(seconds)


@contextmanager
def refused(error: type[E]) -> Generator[list[E], None, None]:
    """What is done inside has to be refused with this error, which is in the list afterwards."""
    caught: list[E] = []
    try:
        yield caught
    except error as refusal:
        caught.append(refusal)
    if not caught:
        raise AssertionError(f"{error.__name__} was expected, and nothing was refused")


async def everything(store: ContextStore, conversation: ConversationId) -> Sequence[Stored]:
    return await store.read(conversation, START, 100_000)


async def bodies(store: ContextStore, conversation: ConversationId) -> list[Body]:
    return [stored.entry.body for stored in await everything(store, conversation)]


async def texts(store: ContextStore, conversation: ConversationId) -> list[str]:
    return [body.text for body in await bodies(store, conversation) if isinstance(body, Turn)]


async def followed(
    store: ContextStore, conversation: ConversationId, after: Position = START, *, count: int | None = None
) -> list[Stored]:
    """What a follower gets: `count` entries, or all until it ends."""
    seen: list[Stored] = []
    async with aclosing(store.follow(conversation, after)) as entries:
        async for stored in entries:
            seen.append(stored)
            if len(seen) == count:
                break
    return seen
