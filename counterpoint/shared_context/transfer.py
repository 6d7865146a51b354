"""A conversation from a store into portable lines, and back. Page by page: memory does not grow with the log."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Final
from uuid import uuid4

import msgspec

from counterpoint.errors import CorruptRecord, StoreError
from counterpoint.shared_context.entries import Stored, Turn
from counterpoint.shared_context.ids import ConversationId, MediaId, Position
from counterpoint.shared_context.portable import Head, LineReader, LineWriter, renamed
from counterpoint.shared_context.reading import Unreadable, reading
from counterpoint.shared_context.store import Adoption, ContextStore, MediaObject, Snapshot
from counterpoint.shared_context.timeline import Timeline

PAGE: Final = 500

Write = Callable[[bytes], Awaitable[object]]
Lines = Callable[[], AsyncGenerator[Sequence[bytes], None]]
"""The lines from the first on, some at a time; called once for each time that they are read."""


class Moved(msgspec.Struct, frozen=True):
    """What was exported or imported. `closed`: nobody can host it any more."""

    conversation: ConversationId
    entries: int
    media: int
    closed: bool = False


async def export(store: ContextStore, conversation: ConversationId, write: Write, *, media: bool = False) -> Moved:
    """The whole conversation as it is kept now, with its snapshot; `media`: what is still kept of them, too.

    Raises `UnknownConversation`, `CorruptRecord` if an entry cannot be read, and `StoreError` if the log was trimmed
    meanwhile.
    """
    lines, named = LineWriter(), list[MediaId]()
    snapshot = await store.last_snapshot(conversation)
    await write(lines.head(conversation, snapshot))
    covered, after = snapshot.upto if snapshot else Position(0), Position(0)
    while page := await _page(store, conversation, after):
        if page[0].position > max(after, covered) + 1:
            raise StoreError(f"{conversation!r} was trimmed while it was exported: export it again")
        after = page[-1].position
        if media:
            named += _media(page)
        await write(b"".join(map(lines.entry, page)))
    for id in dict.fromkeys(named):
        if (data := await store.get_media(conversation, id)) is not None:
            await write(lines.object(MediaObject(id, data)))
    await write(lines.end())
    return Moved(conversation, lines.entries, lines.media)


async def adopt(store: ContextStore, lines: Lines, *, name: ConversationId | None = None) -> Moved:
    """The exported conversation becomes one of this store, under its own id or another one.

    The lines are read twice: nothing is written before all of them were found in order. Raises `CorruptRecord` if they
    were not, and `WriteRefused` if a conversation of that id is kept here.
    """
    head, whole, moved = await _examined(lines, name)
    conversation = moved.conversation
    token, begins = uuid4().hex, True
    async with aclosing(_pages(lines, head, conversation)) as pages:
        async for entries, media in pages:
            await store.adopt(conversation, token, entries, begins=begins, media=media)
            begins = False
    await store.adopt(conversation, token, (), begins=begins, whole=whole)
    return moved


async def _examined(lines: Lines, name: ConversationId | None) -> tuple[Head, Adoption, Moved]:
    reader, entries, media, epoch = LineReader(), 0, 0, 0
    timeline: Timeline | None = None
    snapshot: Snapshot | None = None
    async with aclosing(lines()) as some:
        async for page in some:
            for line in page:
                read = reader.read(line)
                if isinstance(read, Head):
                    timeline, snapshot = _begin(read, name or read.conversation)
                elif isinstance(read, Stored) and timeline is not None:
                    if read.position > timeline.tail + 1:
                        raise CorruptRecord(
                            f"entries before position {read.position} are missing, and no snapshot covers them"
                        )
                    entries, epoch = entries + 1, max(epoch, read.entry.header.epoch)
                    timeline.apply(renamed(read, timeline.conversation))
                media += isinstance(read, MediaObject)
    head = reader.finish()
    conversation = name or head.conversation
    assert timeline is not None  # noqa: S101 (there was a head)
    epoch = max(epoch, timeline.epoch)
    whole = Adoption(epoch, timeline.closed, () if timeline.closed else timeline.unsettled(), snapshot)
    return head, whole, Moved(conversation, entries, media, timeline.closed)


def _begin(head: Head, conversation: ConversationId) -> tuple[Timeline, Snapshot | None]:
    if head.snapshot is None:
        return Timeline(conversation), None
    snapshot = head.snapshot
    timeline = Timeline.restore(snapshot.data)
    if timeline.conversation != conversation:
        timeline.rename(conversation)
        snapshot = Snapshot(snapshot.upto, timeline.snapshot())
    return timeline, snapshot


async def _pages(
    lines: Lines, head: Head, conversation: ConversationId
) -> AsyncGenerator[tuple[Sequence[Stored], Sequence[MediaObject]], None]:
    reader = LineReader()
    async with aclosing(lines()) as some:
        async for page in some:
            entries: list[Stored] = []
            media: list[MediaObject] = []
            for line in page:
                read = reader.read(line)
                if isinstance(read, Stored):
                    same = conversation == head.conversation
                    entries.append(read if same else renamed(read, conversation))
                elif isinstance(read, MediaObject):
                    media.append(read)
            if entries or media:
                yield entries, media


async def _page(store: ContextStore, conversation: ConversationId, after: Position) -> Sequence[Stored]:
    """Raises `CorruptRecord` with the position of what cannot be read."""
    try:
        return await store.read(conversation, after, PAGE)
    except CorruptRecord:
        async with aclosing(reading(store, conversation, after)) as entries:
            async for each in entries:
                if isinstance(each, Unreadable):
                    raise CorruptRecord(f"the entry at position {each.last} cannot be read: {each.reason}") from None
        raise


def _media(page: Sequence[Stored]) -> list[MediaId]:
    turns = (stored.entry.body for stored in page)
    return [ref.id for turn in turns if isinstance(turn, Turn) for ref in turn.media]
