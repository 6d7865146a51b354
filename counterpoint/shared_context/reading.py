"""A log read to its end in pages, around what cannot be read: one bad record does not hide the others."""

from collections.abc import AsyncGenerator
from typing import Final

import msgspec

from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.ids import ConversationId, Position
from counterpoint.shared_context.store import ContextStore

PAGE: Final = 500


class Unreadable(msgspec.Struct, frozen=True):
    """The entries of these positions are no records that this version can read; `reason`: of the first."""

    first: Position
    last: Position
    reason: str


async def reading(
    store: ContextStore, conversation: ConversationId, after: Position = Position(0)
) -> AsyncGenerator[Stored | Unreadable, None]:
    """Everything that is kept after a position now, oldest first. Raises `UnknownConversation`."""
    while True:
        try:
            page = await store.read(conversation, after, PAGE)
        except CorruptRecord as error:
            async for each in _one_by_one(store, conversation, after, str(error)):
                after = each.position if isinstance(each, Stored) else each.last
                yield each
            continue
        if not page:
            return
        for stored in page:
            after = stored.position
            yield stored


async def _one_by_one(
    store: ContextStore, conversation: ConversationId, after: Position, reason: str
) -> AsyncGenerator[Stored | Unreadable, None]:
    """Up to the first record that cannot be read, and it."""
    while True:
        try:
            page = await store.read(conversation, after, 1)
        except CorruptRecord as error:
            last = await _readable_after(store, conversation, after)
            yield Unreadable(Position(after + 1), last, str(error) or reason)
            return
        if not page:
            return
        after = page[0].position
        yield page[0]


async def _readable_after(store: ContextStore, conversation: ConversationId, after: Position) -> Position:
    """The least position after which the next record can be read again, or nothing comes."""
    step = 1
    while not await _is_readable(store, conversation, Position(after + step)):
        step *= 2
    low, high = after + step // 2, after + step
    while high - low > 1:
        middle = (low + high) // 2
        if await _is_readable(store, conversation, Position(middle)):
            high = middle
        else:
            low = middle
    return Position(high)


async def _is_readable(store: ContextStore, conversation: ConversationId, after: Position) -> bool:
    try:
        await store.read(conversation, after, 1)
    except CorruptRecord:
        return False
    return True
