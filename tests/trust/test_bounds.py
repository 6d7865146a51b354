"""Whatever comes from outside has a size beyond which it is refused with a sentence, in every store alike."""

import re
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import redis_server

from counterpoint.errors import ChunkRefused, ConfigurationError, CorruptRecord, MediaTooLarge, StoreError, WriteRefused
from counterpoint.runtime import Runtime
from counterpoint.shared_context.admission import MAX_NAME
from counterpoint.shared_context.codec import MAX_ENTRY_BYTES
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import Asked, Failed, NoteLaid, ToolReturned, Turn, Withdrawn
from counterpoint.shared_context.ids import CallId, ConversationId, DelegationId, MediaId, NoteId, WriterId
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.redis import RedisStore
from counterpoint.shared_context.store import ContextStore
from counterpoint.testing.play import play
from counterpoint.testing.scripted_interaction import ScriptedInteraction
from counterpoint.testing.store_actors import Host, Worker
from counterpoint.testing.store_trial import bodies

LONG = "x" * (MAX_NAME + 1)
TOO_LARGE = "x" * (MAX_ENTRY_BYTES + 1)


@pytest.fixture(scope="module")
def socket() -> Generator[Path, None, None]:
    with redis_server.running() as path:
        yield path


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest, socket: Path) -> AsyncGenerator[ContextStore, None]:
    if request.param == "memory":
        async with connect("memory://") as store:
            yield store
        return
    async with RedisStore(f"unix://{socket}", prefix=request.node.name[:40]) as store:
        yield store


@pytest.mark.real
async def test_an_entry_that_is_too_large_is_refused_whole(store: ContextStore) -> None:
    host = await Host.open(store)
    with pytest.raises(CorruptRecord, match="too large"):
        await host.say("before", TOO_LARGE)
    assert await bodies(store, host.conversation) == []
    largest = "x" * (MAX_ENTRY_BYTES - 200)
    fresh = await Host.open(store)
    await fresh.say(largest)
    assert await bodies(store, host.conversation) == [Turn(text=largest)]


@pytest.mark.real
async def test_a_worker_cannot_write_more_than_a_host(store: ContextStore) -> None:
    host = await Host.open(store)
    await host.ask("d1")
    worker = await Worker.take(store)
    note = NoteLaid(Note(NoteId("n"), NoteKind.RESULT, TOO_LARGE))
    returned = ToolReturned(DelegationId("d1"), CallId("c"), TOO_LARGE)
    for body in (note, returned):
        entry = worker.scribe.write(body)
        with pytest.raises(CorruptRecord, match="too large"):
            await store.append(worker.lease.fence, [entry])
        worker.scribe.unwritten([entry])
    assert len(await bodies(store, host.conversation)) == 1


@pytest.mark.real
async def test_names_that_are_too_long_are_refused(store: ContextStore) -> None:
    for conversation, writer in ((LONG, "host"), ("conversation", LONG)):
        with pytest.raises(ConfigurationError, match=f"at most {MAX_NAME}"):
            await store.open(ConversationId(conversation), WriterId(writer))
    for queue, worker in ((LONG, "worker"), ("default", LONG)):
        with pytest.raises(ConfigurationError, match=f"at most {MAX_NAME}"):
            await store.lease([queue], WriterId(worker), seconds=1, wait=0)
    host = await Host.open(store)
    with pytest.raises(WriteRefused, match=f"at most {MAX_NAME}"):
        await host.ask(LONG)
    other = await Host.open(store, writer="other")
    with pytest.raises(WriteRefused, match=f"at most {MAX_NAME}"):
        await other.ask("d1", queue=LONG)
    with pytest.raises(WriteRefused, match=f"at most {MAX_NAME}"):
        await store.put_media(other.fence, MediaId(LONG), b"x", ttl=1)
    assert await bodies(store, host.conversation) == []


@pytest.mark.real
async def test_names_as_long_as_may_be_are_as_good_as_any(store: ContextStore) -> None:
    name = "旅" * MAX_NAME
    host = await Host.open(store, name, name)
    await host.ask(name, queue=name)
    worker = await Worker.take(store, name, name)
    assert worker.lease.delegation.conversation == name
    await worker.settle()


@pytest.mark.real
async def test_media_that_are_too_large_are_refused(store: ContextStore) -> None:
    host = await Host.open(store)
    with pytest.raises(MediaTooLarge, match="kept at most"):
        await store.put_media(host.fence, MediaId("m"), bytes((16 << 20) + 1), ttl=60)
    assert await store.get_media(host.conversation, MediaId("m")) is None


@pytest.mark.virtual
async def test_an_application_that_lays_too_much_is_told_and_goes_on() -> None:
    refused: list[str] = []

    async def lay(session: object) -> None:
        for note in ("x" * 20_001, "half a character \ud800", Note(NoteId(LONG), NoteKind.RESULT, "x")):
            with pytest.raises(ChunkRefused) as told:
                session.lay(note)  # pyright: ignore[reportAttributeAccessIssue] (a Session)
            refused.append(str(told.value))
        session.lay("it leaves at 10:14")  # pyright: ignore[reportAttributeAccessIssue] (the same)

    played = await play(Runtime(ScriptedInteraction()), beats=12, also=lay)
    assert [re.sub(r"\d+", "N", text) for text in refused] == [
        "a note holds N characters; at most N can be laid",
        "a text holds a lone surrogate at character N",
        "a note's id and key have at most N characters each",
    ]
    assert "it leaves at 10:14" in played.said


@pytest.mark.virtual
async def test_wishes_are_cut_and_counted() -> None:
    async def wish(session: object) -> None:
        for each in range(20):
            session.delegate(f"{each} " + "x" * 10_000)  # pyright: ignore[reportAttributeAccessIssue] (a Session)
        session.withdraw(reason="y" * 10_000)  # pyright: ignore[reportAttributeAccessIssue] (the same)

    played = await play(Runtime(ScriptedInteraction(), served=True), beats=6, also=wish)
    asked = [body.delegation.request for body in played.bodies(Asked)]
    assert len(asked) == 16
    assert {len(request) for request in asked} == {4_000}
    assert {len(body.reason) for body in played.bodies(Withdrawn) if body.reason.startswith("y")} == {4_000}
    assert not played.bodies(Failed)


@pytest.mark.virtual
async def test_a_conversation_whose_name_is_too_long_is_not_opened() -> None:
    with pytest.raises(ConfigurationError, match="has 1000000 characters"):
        async with Runtime(ScriptedInteraction()).session("x" * 1_000_000):
            pass


@pytest.mark.real
async def test_reading_under_an_endless_name_finds_nothing(store: ContextStore) -> None:
    with pytest.raises(StoreError, match="kept"):
        await store.read(ConversationId("x" * 1_000_000))


@pytest.mark.real
async def test_an_end_that_is_too_large_leaves_the_delegation_to_its_worker(store: ContextStore) -> None:
    host = await Host.open(store)
    await host.ask("d1")
    worker = await Worker.take(store)
    with pytest.raises(CorruptRecord, match="too large"):
        await worker.settle(NoteLaid(Note(NoteId("n"), NoteKind.RESULT, TOO_LARGE)))
    await worker.renew()
