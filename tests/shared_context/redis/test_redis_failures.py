"""Connections that break, servers that are full, gone, or back: nothing that was acknowledged is lost or doubled."""

import random

import anyio
import anyio.lowlevel
import pytest
import redis
from breaking_proxy import BreakingProxy, proxied

from counterpoint.errors import ConfigurationError, CorruptRecord, StoreFull, StoreUnavailable
from counterpoint.shared_context.entries import Asked, Entry, NoteLaid, Turn
from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId, NoteId, Position, WriterId
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.redis import RedisStore, bells, scripts, work
from counterpoint.shared_context.redis.scripts import Script
from counterpoint.shared_context.store import ContextStore
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import START, bodies, everything, followed, texts

pytestmark = pytest.mark.real

RESULT = NoteLaid(Note(NoteId("n1"), NoteKind.RESULT, "At 10:14, platform 3."))
MEDIA = MediaId("m")

WRITES = [
    scripts.OPEN, scripts.APPEND, scripts.OFFER, scripts.AMEND, scripts.WITHDRAW, scripts.CLAIM, scripts.RENEW,
    scripts.RELEASE, scripts.SETTLE, scripts.SNAPSHOT, scripts.TRIM, scripts.PUT_MEDIA, scripts.CLOSE,
    scripts.INTEND, scripts.PLACE, scripts.TAKE,
]  # fmt: skip


async def a_whole_conversation(store: ContextStore) -> list[tuple[int, str, int]]:
    """All that can be written, and what is in the log of it."""
    host = await Host.open(store)
    await host.say("a", "b")
    for delegation in ("d1", "d2", "d3"):
        await host.ask(delegation)
    await host.amend("d1", "tomorrow")
    await (await Worker.take(store, wait=5)).release()
    worker = await Worker.take(store, "w1", wait=5)
    await worker.append(RESULT)
    await worker.renew()
    await worker.settle(RESULT)
    await host.withdraw("d2")
    await host.say("c")
    await store.put_media(host.fence, MEDIA, b"chart", ttl=60)
    await store.snapshot(host.fence, Position(2), b"a, b")
    await store.trim(host.fence, Position(1))
    await host.close()
    assert await store.get_media(host.conversation, MEDIA) == b"chart"
    log = await everything(store, host.conversation)
    return [(stored.position, type(stored.entry.body).__name__, stored.entry.header.seq) for stored in log]


@pytest.mark.parametrize("script", WRITES, ids=lambda script: script.name)
async def test_a_reply_that_is_lost_after_the_write_changes_nothing(
    script: Script, store: RedisStore, server: redis.Redis, proxy: BreakingProxy
) -> None:
    expected = await a_whole_conversation(store)
    server.flushall()
    async with proxied(proxy), RedisStore(proxy.url, ttl=600) as broken:
        proxy.lose_reply_to(script)
        assert await a_whole_conversation(broken) == expected
    assert proxy.broken == 1


@pytest.mark.parametrize("script", WRITES, ids=lambda script: script.name)
async def test_a_request_that_arrives_in_half_is_sent_again(
    script: Script, store: RedisStore, server: redis.Redis, proxy: BreakingProxy
) -> None:
    expected = await a_whole_conversation(store)
    server.flushall()
    async with proxied(proxy), RedisStore(proxy.url, ttl=600) as broken:
        proxy.cut(script)
        assert await a_whole_conversation(broken) == expected
    assert proxy.broken == 1


async def test_fifty_entries_whose_replies_are_all_lost_are_in_the_log_once(
    server: redis.Redis, proxy: BreakingProxy
) -> None:
    async with proxied(proxy), RedisStore(proxy.url) as store:
        host = await Host.open(store)
        for each in range(50):
            entry = host.scribe.write(Turn(text=str(each)))
            proxy.lose_reply_to(scripts.APPEND, times=2)
            with pytest.raises(StoreUnavailable):
                await store.append(host.fence, [entry])
            assert list(await store.append(host.fence, [entry])) == [each + 1]
        assert await texts(store, host.conversation) == [str(each) for each in range(50)]


async def test_a_follower_misses_and_repeats_nothing_while_its_connection_is_cut(
    store: RedisStore, server: redis.Redis
) -> None:
    host = await Host.open(store)
    seen: list[Position] = []

    async def follow() -> None:
        seen.extend(stored.position for stored in await followed(store, host.conversation, count=40))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(follow)
        tasks.start_soon(follow)
        for each in range(40):
            await host.say(str(each))
            if each % 5 == 0:
                server.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await anyio.sleep(0.002)
    assert sorted(seen) == sorted(2 * list(range(1, 41)))


async def test_followers_that_come_and_go_leave_nobody_waiting(store: RedisStore) -> None:
    host = await Host.open(store)
    chance = random.Random(7)
    seen: list[list[Position]] = [[] for _ in range(12)]

    async def follow(mine: list[Position]) -> None:
        while len(mine) < 100:
            with anyio.move_on_after(chance.uniform(0.001, 0.02)):
                async for stored in store.follow(host.conversation, mine[-1] if mine else START):
                    mine.append(stored.position)
                    await anyio.lowlevel.checkpoint()

    async def stay() -> None:
        assert len(await followed(store, host.conversation, count=100)) == 100

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for mine in seen:
                tasks.start_soon(follow, mine)
            tasks.start_soon(stay)
            for each in range(100):
                await host.say(str(each))
                await anyio.sleep(chance.uniform(0, 0.006))
    assert seen == [list(range(1, 101))] * 12


async def test_a_connection_that_has_gone_silent_is_noticed(
    store: RedisStore, proxy: BreakingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bells, "QUIET_SECONDS", 0.1)
    host = await Host.open(store)
    seen: list[str] = []

    async def follow(through: RedisStore) -> None:
        async for stored in through.follow(host.conversation, START):
            seen.append(type(stored.entry.body).__name__)
            if len(seen) == 2:
                return

    async with proxied(proxy), RedisStore(proxy.url) as far, anyio.create_task_group() as tasks:
        tasks.start_soon(follow, far)
        await host.say("a")
        while not seen:
            await anyio.sleep(0.01)
        await anyio.sleep(0.05)
        proxy.deaf = True
        await host.say("b")
        await anyio.sleep(0.3)
        proxy.deaf = False
    assert seen == ["Turn", "Turn"]


async def test_who_waits_is_told_that_the_server_is_gone(server: redis.Redis, proxy: BreakingProxy) -> None:
    told: list[str] = []

    async def wait(store: RedisStore) -> None:
        with pytest.raises(StoreUnavailable):
            await store.lease(["default"], WriterId("w"), seconds=1, wait=60)
        told.append("worker")

    async def follow(store: RedisStore) -> None:
        with pytest.raises(StoreUnavailable):
            await followed(store, ConversationId("conversation"))
        told.append("follower")

    async with proxied(proxy), RedisStore(proxy.url) as store, anyio.create_task_group() as tasks:
        await Host.open(store)
        tasks.start_soon(wait, store)
        tasks.start_soon(follow, store)
        await anyio.sleep(0.1)
        proxy.go()
    assert sorted(told) == ["follower", "worker"]


async def test_scripts_that_the_server_forgot_are_sent_again(store: RedisStore, server: redis.Redis) -> None:
    host = await Host.open(store)
    await host.say("a")
    server.script_flush()
    await host.say("b")
    assert await texts(store, host.conversation) == ["a", "b"]


async def test_a_full_server_refuses_what_grows_and_takes_what_ends(store: RedisStore, server: redis.Redis) -> None:
    host = await Host.open(store)
    for delegation in ("d1", "d2"):
        await host.ask(delegation)
    worker = await Worker.take(store)
    entry = host.scribe.write(Turn(text="a"))
    server.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreFull):
            await store.append(host.fence, [entry])
        with pytest.raises(StoreFull):
            await store.put_media(host.fence, MEDIA, b"chart", ttl=60)
        await worker.renew()
        assert [type(body) for body in await bodies(store, host.conversation)] == [Asked, Asked]
    finally:
        server.config_set("maxmemory", 0)
    assert list(await store.append(host.fence, [entry])) == [3]


async def test_what_ends_work_is_written_into_a_full_server(store: RedisStore, server: redis.Redis) -> None:
    host = await Host.open(store)
    for delegation in ("d1", "d2"):
        await host.ask(delegation)
    server.config_set("maxmemory", 1)
    try:
        await host.withdraw("d1")
        await host.close()
        assert len(await everything(store, host.conversation)) == 5
        await store.forget(host.conversation)
    finally:
        server.config_set("maxmemory", 0)


async def test_a_server_that_drops_keys_when_it_is_full_is_refused(socket: object, server: redis.Redis) -> None:
    server.config_set("maxmemory", 1 << 30)
    server.config_set("maxmemory-policy", "volatile-lru")
    try:
        with pytest.raises(ConfigurationError, match="noeviction"):
            async with RedisStore(f"unix://{socket}"):
                pass
    finally:
        server.config_set("maxmemory", 0)
        server.config_set("maxmemory-policy", "noeviction")


async def test_a_replica_is_read_and_not_written(store: RedisStore, server: redis.Redis) -> None:
    host = await Host.open(store)
    await host.say("a")
    server.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailable):
            await host.say("b")
        assert await texts(store, host.conversation) == ["a"]
    finally:
        server.execute_command("REPLICAOF", "NO", "ONE")


async def test_bytes_that_are_no_entry_are_reported_as_such(store: RedisStore, server: redis.Redis) -> None:
    host = await Host.open(store)
    await host.say("a")
    server.xadd("counterpoint:{conversation}:log", {"e": b"\xc1 garbage"}, id="2-0")
    with pytest.raises(CorruptRecord):
        await store.read(host.conversation)
    assert len(await store.read(host.conversation, START, 1)) == 1


# what is lost between the conversation and the index of work


async def test_a_delegation_whose_host_died_while_offering_it_is_found(
    store: RedisStore, proxy: BreakingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "OUTBOX_MS", 200)
    async with proxied(proxy), RedisStore(proxy.url) as far:
        host = await Host.open(far)
        proxy.cut(scripts.PLACE, times=2)
        with pytest.raises(StoreUnavailable):
            await host.ask("d1")
    assert (await Worker.take(store, wait=5)).delegation == "d1"
    assert await nothing_waits(store)


async def test_a_delegation_that_never_came_to_be_offered_is_nobodys(
    store: RedisStore, proxy: BreakingProxy, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "OUTBOX_MS", 50)
    async with proxied(proxy), RedisStore(proxy.url) as far:
        host = await Host.open(far)
        proxy.cut(scripts.OFFER, times=2)
        with pytest.raises(StoreUnavailable):
            await host.ask("d1")
    await anyio.sleep(0.1)
    assert await nothing_waits(store)
    assert not list(server.scan_iter("counterpoint:{+work*}:default:*"))


async def test_a_host_that_opens_mends_an_index_that_was_lost(store: RedisStore, server: redis.Redis) -> None:
    host = await Host.open(store)
    await host.ask("d1")
    await host.ask("d2")
    leased = await Worker.take(store, seconds=0.2)
    for key in server.scan_iter("counterpoint:{+work*}:*"):
        server.delete(key)
    assert await nothing_waits(store)
    await Host.open(store)
    assert (await Worker.take(store)).delegation == "d2"
    assert (await Worker.take(store, wait=5)).delegation == leased.delegation


async def test_a_lease_that_was_lost_with_its_reply_is_the_one_that_is_granted(
    server: redis.Redis, proxy: BreakingProxy
) -> None:
    async with proxied(proxy), RedisStore(proxy.url) as store:
        host = await Host.open(store)
        await host.ask("d1")
        proxy.lose_reply_to(scripts.CLAIM)
        worker = await Worker.take(store, seconds=60)
        assert worker.lease.attempt == 1
        await worker.settle(RESULT)


# who gets in


async def test_a_wrong_password_is_said_to_be_one(socket: object, server: redis.Redis) -> None:
    server.acl_setuser("guest", enabled=True, passwords=["+right"], keys=["*"], commands=["+@all"])
    try:
        with pytest.raises(ConfigurationError, match="does not let this user in"):
            async with RedisStore(f"unix://guest:wrong@{socket}"):
                pass
    finally:
        server.acl_deluser("guest")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(StoreUnavailable):
        async with RedisStore("unix:///nowhere/server.sock"):
            pass


def entry_of(host: Host, text: str) -> Entry:
    return host.scribe.write(Turn(text=text))


@pytest.mark.parametrize("name", ["", "%", "a}{b", "{a", "conversation:log", "+work0", "a b\n", "旅", "a/b", "\ud800"])
async def test_no_conversation_reaches_another_by_its_name(name: str, store: RedisStore) -> None:
    plain = await Host.open(store)
    await plain.ask("d1", queue="plain")
    other = Host(store, await store.open(ConversationId(name), WriterId("host")))
    await store.append(other.fence, [entry_of(other, "mine")])
    assert await texts(store, ConversationId(name)) == ["mine"]
    await store.put_media(other.fence, MediaId(name), b"mine", ttl=60)
    assert await store.get_media(plain.conversation, MediaId(name)) is None
    await store.forget(ConversationId(name))
    assert len(await everything(store, plain.conversation)) == 1
    assert (await Worker.take(store, "w", "plain")).delegation == DelegationId("d1")
