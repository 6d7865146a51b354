"""Conversations that go from store to store as text: nothing is lost on the way, and nothing comes in half."""

import msgspec
import pytest

from counterpoint.errors import ConversationClosed, CorruptRecord, StoreError, UnknownConversation
from counterpoint.shared_context.codec import decode
from counterpoint.shared_context.entries import VERSION, MediaRef, Stored, Turn, Unknown
from counterpoint.shared_context.ids import ConversationId, MediaId, Position
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.portable import LineReader, LineWriter
from counterpoint.shared_context.store import ContextStore, MediaObject
from counterpoint.shared_context.timeline import Timeline
from counterpoint.shared_context.transfer import adopt, export
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import everything

pytestmark = pytest.mark.virtual

OLD, NEW = ConversationId("old"), ConversationId("a new one")


async def exported(store: ContextStore, conversation: ConversationId = OLD, *, media: bool = False) -> bytes:
    some: list[bytes] = []

    async def write(lines: bytes) -> None:
        some.append(lines)

    await export(store, conversation, write, media=media)
    return b"".join(some)


async def adopted(store: ContextStore, whole: bytes, name: ConversationId | None = None) -> None:
    async def lines():
        yield whole.splitlines(keepends=True)

    await adopt(store, lines, name=name)


async def timeline_of(store: ContextStore, conversation: ConversationId) -> Timeline:
    timeline = Timeline(conversation)
    for stored in await everything(store, conversation):
        timeline.apply(stored)
    return timeline


async def test_a_trimmed_log_goes_with_its_snapshot_and_comes_back_byte_for_byte() -> None:
    there, here, back = MemoryStore(), MemoryStore(), MemoryStore()
    host = await Host.open(there, OLD)
    await host.ask("d1")
    await host.say(*"abcdef")
    await there.snapshot(host.fence, Position(4), (await timeline_of(there, OLD)).snapshot())
    await there.trim(host.fence, Position(3))
    whole = await exported(there)
    await adopted(here, whole, NEW)
    snapshot = await here.last_snapshot(NEW)
    assert snapshot is not None
    assert Timeline.restore(snapshot.data).conversation == NEW
    assert (await Worker.take(here)).lease.delegation.conversation == NEW
    await adopted(back, await exported(here, NEW), OLD)
    assert await exported(back) == whole


async def test_what_a_newer_version_wrote_is_carried_as_it_is() -> None:
    there, here = MemoryStore(), MemoryStore()
    host = await Host.open(there, OLD)
    raw = msgspec.msgpack.encode({"kind": "telepathy", "thought": b"\x00\xff"})
    await host.append(Unknown("telepathy", raw))
    await adopted(here, await exported(there))
    [stored] = await everything(here, OLD)
    assert stored.entry.body == Unknown("telepathy", raw)


async def test_work_that_was_waiting_waits_again_and_work_that_was_done_does_not() -> None:
    there, here = MemoryStore(), MemoryStore()
    host = await Host.open(there, OLD)
    await host.ask("d1")
    await (await Worker.take(there)).settle()
    await host.ask("d2")
    await Worker.take(there)
    await adopted(here, await exported(there), NEW)
    assert (await Worker.take(here)).delegation == "d2"
    assert await nothing_waits(here)


async def test_nobody_works_for_a_closed_conversation() -> None:
    there, here = MemoryStore(), MemoryStore()
    host = await Host.open(there, OLD)
    await host.ask("d1")
    await host.close()
    await adopted(here, await exported(there))
    assert await nothing_waits(here)
    with pytest.raises(ConversationClosed):
        await Host.open(here, OLD)


async def test_media_go_along_if_asked_for() -> None:
    there, here = MemoryStore(), MemoryStore()
    host = await Host.open(there, OLD)
    await host.append(Turn(media=(MediaRef(MediaId("m"), "audio"), MediaRef(MediaId("gone"), "audio"))))
    await there.put_media(host.fence, MediaId("m"), bytes(range(256)), ttl=60)
    await adopted(here, await exported(there, media=True))
    assert await here.get_media(OLD, MediaId("m")) == bytes(range(256))
    assert await here.get_media(OLD, MediaId("gone")) is None
    assert b'"media":{' not in await exported(there)


async def test_a_log_that_is_trimmed_while_it_is_exported_is_not_exported_with_a_hole() -> None:
    store = MemoryStore()
    host = await Host.open(store, OLD)
    await host.say(*map(str, range(1_200)))
    pages = 0

    async def write(_: bytes) -> None:
        nonlocal pages
        pages += 1
        if pages == 2:
            data = (await timeline_of(store, OLD)).snapshot()
            await store.snapshot(host.fence, Position(1_100), data)
            await store.trim(host.fence, Position(1_100))

    with pytest.raises(StoreError, match="export it again"):
        await export(store, OLD, write)


async def test_a_log_without_its_beginning_and_without_a_snapshot_is_refused() -> None:
    lines = LineWriter()
    stored = Stored(Position(7), decode(ENTRY))
    whole = lines.head(OLD, None) + lines.entry(stored) + lines.end()
    store = MemoryStore()
    with pytest.raises(CorruptRecord, match="before position 7 are missing"):
        await adopted(store, whole)
    with pytest.raises(UnknownConversation):
        await store.read(OLD)


def test_every_line_but_the_last_is_summed_up() -> None:
    writer, reader = LineWriter(), LineReader()
    media = MediaObject(MediaId("m"), b"\x00")
    lines = [
        writer.head(OLD, None),
        writer.entry(Stored(Position(1), decode(ENTRY))),
        writer.object(media),
        writer.end(),
    ]
    read = [reader.read(line) for line in lines]
    assert read[2] == media
    assert reader.finish().conversation == OLD


ENTRY = msgspec.msgpack.encode(
    {
        "header": {"role": "host", "writer": "w", "epoch": 1, "seq": 1, "at": 1.0, "version": VERSION},
        "body": {"kind": "turn", "text": "hello"},
    }
)
