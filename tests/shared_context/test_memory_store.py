"""What the store in memory promises beyond the contract: limits, costs and dates. Sizes are bytes."""

import gc
import sys
from contextlib import aclosing

import anyio
import anyio.lowlevel
import pytest

from counterpoint.errors import (
    ConfigurationError,
    CorruptRecord,
    MediaTooLarge,
    StoreFull,
    UnknownConversation,
    WriteRefused,
)
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.entries import Closed, NoteLaid, Settled, Turn, Withdrawn
from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId, NoteId, Position, WriterId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.memory.queues import DEAD_LETTERS
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.scribe import Scribe
from counterpoint.testing.store_actors import Host, Worker, nothing_waits

pytestmark = pytest.mark.virtual

LONG = "x" * 1000
RESULT = NoteLaid(Note(NoteId("n1"), NoteKind.RESULT, LONG))


def size(store: MemoryStore) -> int:
    """What the store itself believes to hold."""
    return store._archive._bytes + store._archive.shelf.size


# limits


async def test_a_full_store_refuses_before_anything_is_written() -> None:
    store = MemoryStore(max_bytes=2500)
    host = await Host.open(store)
    await host.say(LONG)
    batch = [host.scribe.write(Turn(text=LONG)) for _ in range(2)]
    with pytest.raises(StoreFull, match="2500 bytes"):
        await store.append(host.fence, batch)
    assert len(await store.read(host.conversation)) == 1
    assert list(await store.append(host.fence, batch[:1])) == [2]


async def test_room_that_was_made_can_be_used() -> None:
    store = MemoryStore(max_bytes=3000)
    host = await Host.open(store)
    await host.say(LONG, LONG)
    entry = host.scribe.write(Turn(text=LONG))
    with pytest.raises(StoreFull):
        await store.append(host.fence, [entry])
    await store.snapshot(host.fence, Position(1), b"short")
    await store.trim(host.fence, Position(1))
    assert list(await store.append(host.fence, [entry])) == [3]


async def test_a_full_store_takes_no_question_but_every_end() -> None:
    store = MemoryStore(max_bytes=1000, max_attempts=1)
    host = await Host.open(store)
    for delegation in ("d1", "d2", "d3"):
        await host.ask(delegation)
    await host.say("x" * (900 - size(store)))
    question = host.asking("d4")
    with pytest.raises(StoreFull):
        await store.offer(host.fence, question)
    host.scribe.unwritten([question])
    assert (await Worker.take(store, seconds=1)).delegation == "d1"
    await host.withdraw("d2")
    await anyio.sleep(1)
    assert (await Worker.take(store)).delegation == "d3"
    await host.close()
    kinds = [type(stored.entry.body) for stored in await store.read(host.conversation, Position(4))]
    assert kinds == [Withdrawn, NoteLaid, Settled, Withdrawn, Closed]


async def test_closed_conversations_make_room_the_oldest_first() -> None:
    store = MemoryStore(max_bytes=4000)
    for name in ("first", "second"):
        host = await Host.open(store, name)
        await host.say(LONG)
        await host.close()
    host = await Host.open(store, "open")
    await host.say(LONG, LONG)
    with pytest.raises(UnknownConversation):
        await store.read(ConversationId("first"))
    assert len(await store.read(ConversationId("second"))) == 2


async def test_nothing_is_given_up_for_what_will_not_fit_anyway() -> None:
    store = MemoryStore(max_bytes=4000)
    host = await Host.open(store, "closed")
    await host.say(LONG)
    await host.close()
    host = await Host.open(store, "open")
    with pytest.raises(StoreFull):
        await host.say("x" * 5000)
    assert len(await store.read(ConversationId("closed"))) == 2


async def test_media_and_snapshots_count_and_expired_media_make_room() -> None:
    store = MemoryStore(max_bytes=3000, max_media_bytes=2000)
    host = await Host.open(store)
    await host.say("a")
    await store.put_media(host.fence, MediaId("m"), bytes(2000), ttl=10)
    entry = host.scribe.write(Turn(text=LONG))
    with pytest.raises(StoreFull):
        await store.append(host.fence, [entry])
    with pytest.raises(StoreFull):
        await store.snapshot(host.fence, Position(1), bytes(1000))
    await anyio.sleep(10)
    await store.append(host.fence, [entry])
    with pytest.raises(MediaTooLarge, match="2001 bytes, 2000"):
        await store.put_media(host.fence, MediaId("m"), bytes(2001), ttl=10)


async def test_a_store_knows_what_it_holds() -> None:
    store = MemoryStore()
    host = await Host.open(store)
    await host.say("a", "b", "c")
    held = sum(len(encode(stored.entry)) for stored in await store.read(host.conversation))
    assert size(store) == held
    await store.snapshot(host.fence, Position(2), bytes(500))
    await store.snapshot(host.fence, Position(3), bytes(100))
    await store.put_media(host.fence, MediaId("m"), bytes(700), ttl=10)
    await store.put_media(host.fence, MediaId("m"), bytes(30), ttl=10)
    assert size(store) == held + 130
    await store.trim(host.fence, Position(3))
    assert size(store) == 130
    await store.forget(host.conversation)
    assert size(store) == 0


def test_limits_below_one_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        MemoryStore(max_attempts=0)


async def test_what_no_reader_could_take_is_refused_and_nothing_of_its_batch_is_kept() -> None:
    store = MemoryStore()
    host = await Host.open(store)
    await host.ask("d1")
    entries = [host.scribe.write(Turn(text=text)) for text in ("fine", "half of a pair: \ud83d")]
    with pytest.raises(CorruptRecord):
        await store.append(host.fence, entries)
    host.scribe.unwritten(entries)
    with pytest.raises(CorruptRecord):
        await store.close(host.fence, host.scribe.write(Closed("\ud83d")))
    assert len(await store.read(host.conversation)) == 1
    assert (await Worker.take(store)).delegation == "d1"


# costs


async def test_what_is_settled_and_expired_leaves_nothing_behind() -> None:
    store = MemoryStore()
    host = await Host.open(store)

    async def live(rounds: int) -> None:
        for _ in range(rounds):
            await host.ask("d")
            await (await Worker.take(store, seconds=1)).settle(RESULT)
            await host.ask("d")
            await Worker.take(store)
            await host.withdraw("d")
            await store.put_media(host.fence, MediaId(str(host.scribe.seq)), LONG.encode(), ttl=1)
            await anyio.sleep(1)
            tail = (await store.read(host.conversation))[-1].position
            await store.snapshot(host.fence, tail, b"all of it")
            await store.trim(host.fence, tail)
            gone = await Host.open(store, f"another {tail}")
            await gone.ask("d")
            await store.forget(gone.conversation)

    await live(100)
    before = footprint(store)
    await live(400)
    assert footprint(store) - before < 400 * 50
    assert size(store) < 2000


def footprint(thing: object) -> int:
    """Bytes of everything that hangs on it."""
    seen: dict[int, int] = {}
    stack = [thing]
    while stack:
        each = stack.pop()
        if id(each) not in seen and not isinstance(each, type) and not callable(each):
            seen[id(each)] = sys.getsizeof(each)
            stack += gc.get_referents(each)
    return sum(seen.values())


async def test_a_follower_sees_an_entry_one_pass_of_the_loop_after_it_was_written() -> None:
    store = MemoryStore()
    host = await Host.open(store)
    seen: list[Position] = []

    async def follow() -> None:
        async with aclosing(store.follow(host.conversation)) as entries:
            async for stored in entries:
                seen.append(stored.position)  # noqa: PERF401 (looked at while it grows)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        await anyio.sleep(1)
        await host.say("a")
        await anyio.lowlevel.checkpoint()
        assert seen == [1]
        tasks.cancel_scope.cancel()


async def test_writing_wakes_nobody_who_follows_another_conversation() -> None:
    store = MemoryStore()
    one, other = await Host.open(store, "one"), await Host.open(store, "other")
    async with anyio.create_task_group() as tasks:
        for host in (one, other):
            stream = store.follow(host.conversation)
            tasks.start_soon(anext, stream, None)
        await anyio.sleep(1)
        waiting = store._archive.readable(other.conversation).changed._event
        await one.say("a")
        assert waiting is not None
        assert not waiting.is_set()
        await other.close()


async def test_a_follower_far_behind_lets_others_run() -> None:
    store = MemoryStore()
    host = await Host.open(store)
    await host.say(*("x" for _ in range(1000)))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        async with aclosing(store.follow(host.conversation)) as entries:
            async for stored in entries:
                if stored.position == 1000:
                    break
        tasks.cancel_scope.cancel()
    assert turns >= 9


async def test_polling_for_a_lease_lets_others_run() -> None:
    store = MemoryStore()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(count)
        for _ in range(10):
            assert await nothing_waits(store)
        tasks.cancel_scope.cancel()
    assert turns >= 9


# leases and the clock


async def test_a_worker_that_is_cancelled_at_any_moment_loses_nothing() -> None:
    store = MemoryStore()
    host = await Host.open(store)
    granted: list[DelegationId] = []

    async def work(scope: anyio.CancelScope) -> None:
        with scope:
            while lease := await store.lease(["default"], WriterId("w"), seconds=60, wait=60):
                granted.append(lease.delegation.id)

    for passes in range(8):
        scope = anyio.CancelScope()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(work, scope)
            await anyio.sleep(1)
            await host.ask(f"early {passes}")
            for _ in range(passes):
                await anyio.lowlevel.checkpoint()
            scope.cancel()
            await host.ask(f"late {passes}")
        while lease := await store.lease(["default"], WriterId("rest"), seconds=60, wait=0):
            granted.append(lease.delegation.id)
    assert sorted(granted) == sorted(f"{when} {passes}" for when in ("early", "late") for passes in range(8))


async def test_leases_run_out_by_the_loop_and_entries_are_dated_by_the_clock() -> None:
    store = MemoryStore(max_attempts=1, clock=lambda: 1.8e9)
    host = await Host.open(store)
    await host.ask("d1")
    await Worker.take(store, seconds=2)
    await anyio.sleep(1.999)
    assert await nothing_waits(store)
    assert len(await store.read(host.conversation)) == 1
    await anyio.sleep(0.001)
    assert await nothing_waits(store)
    told = await store.read(host.conversation, Position(1))
    assert [stored.entry.header.at for stored in told] == [1.8e9, 1.8e9]


async def test_a_waiting_worker_sleeps_exactly_until_a_lease_runs_out() -> None:
    store = MemoryStore()
    host = await Host.open(store)
    await host.ask("d1")
    holder = await Worker.take(store, seconds=2)

    async def renew_twice() -> None:
        for _ in range(2):
            await anyio.sleep(1.5)
            await holder.renew()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(renew_twice)
        heir = await Worker.take(store, "heir", wait=60)
    assert heir.lease.attempt == 2
    assert anyio.current_time() == pytest.approx(5.0)


async def test_a_lost_lease_of_less_urgent_work_does_not_keep_a_reserved_slot_busy() -> None:
    store = MemoryStore()
    host = await Host.open(store)
    await host.ask("d1")
    await Worker.take(store, seconds=1)
    assert await store.lease(["default"], WriterId("w"), seconds=1, wait=10, at_least=Priority.HIGH) is None
    assert anyio.current_time() == pytest.approx(10.0)


async def test_one_queue_name_is_no_list_of_queues() -> None:
    with pytest.raises(ConfigurationError, match="'default'"):
        await MemoryStore().lease("default", WriterId("w"), seconds=1, wait=0)


async def test_a_settled_that_takes_another_entrys_number_settles_nothing() -> None:
    store = MemoryStore()
    host = await Host.open(store)
    await host.ask("d1")
    worker = await Worker.take(store)
    note = worker.scribe.write(RESULT)
    await store.append(worker.lease.fence, [note])
    worker.scribe.unwritten([note])
    with pytest.raises(WriteRefused, match="another entry"):
        await worker.settle()
    await worker.renew()


async def test_a_closed_that_takes_another_entrys_number_closes_nothing() -> None:
    store = MemoryStore()
    host = await Host.open(store)
    [position] = await host.say("a")
    before = Scribe(host.fence)
    assert await store.close(host.fence, before.write(Closed())) == position
    assert list(await host.say("still open")) == [2]


# passing by


async def test_leaving_the_store_loses_nothing() -> None:
    async with MemoryStore() as store:
        host = await Host.open(store)
        await host.say("a")
    assert len(await store.read(host.conversation)) == 1


async def test_dead_letters_are_bounded_and_the_newest_are_kept() -> None:
    store = MemoryStore(max_attempts=1)
    host = await Host.open(store)
    for each in range(DEAD_LETTERS + 3):
        await host.ask(f"d{each}")
        await Worker.take(store, seconds=1)
        await anyio.sleep(1)
    assert await nothing_waits(store)
    dead = await store.dead("default")
    assert [letter.delegation.id for letter in (dead[0], dead[-1])] == ["d3", f"d{DEAD_LETTERS + 2}"]
    assert len(dead) == DEAD_LETTERS
