"""What a real server still has of a conversation that was forgotten, and for how long it has anything at all."""

from pathlib import Path

import anyio
import pytest
import redis

from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import NoteLaid
from counterpoint.shared_context.ids import ConversationId, MediaId, NoteId, Position
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.redis import RedisStore
from counterpoint.testing.store_actors import Host, Worker, nothing_waits

pytestmark = pytest.mark.real

NAME = "a talk/with: a {strange} name"
QUOTED = "a%20talk%2Fwith%3A%20a%20%7Bstrange%7D%20name"


async def lived_through(store: RedisStore, name: str) -> None:
    """Delegations in every state: waiting, leased, withdrawn, settled, dead."""
    host = await Host.open(store, name)
    await host.say("hello")
    for delegation in ("d1", "d2", "d3", "d4"):
        await host.ask(delegation)
    await host.ask("d5", queue="other")
    done = await Worker.take(store)
    await done.append(NoteLaid(Note(NoteId("n"), NoteKind.RESULT, "found", delegation=done.delegation)))
    await done.settle(state=DelegationState.DONE)
    await Worker.take(store, seconds=60.0)
    await host.withdraw("d3")
    for _ in range(3):
        await Worker.take(store, "short", "other", seconds=0.05)
        await anyio.sleep(0.06)
    assert await nothing_waits(store, "other")
    assert [letter.delegation.id for letter in await store.dead("other")] == ["d5"]
    await store.put_media(host.fence, MediaId("m"), b"sound", ttl=60)
    await store.snapshot(host.fence, Position(1), b"so far")


async def test_nothing_of_a_forgotten_conversation_is_left(socket: Path, server: redis.Redis) -> None:
    async with RedisStore(f"unix://{socket}") as store:
        await lived_through(store, "another")
        await store.forget(ConversationId("another"))
        await lived_through(store, NAME)
        other = await Host.open(store, "a third")
        await other.ask("d1")
        for _ in range(2):
            await store.forget(ConversationId(NAME))
    left = {key: server.dump(key) for key in server.scan_iter()}
    [tombstone] = [key for key in left if QUOTED.encode() in key]
    assert set(server.hkeys(tombstone)) == {b"forgotten"}, "only that it was forgotten, for a day"
    assert 0 < server.pttl(tombstone) <= 86_400_000
    holding = [key for key, value in left.items() if key != tombstone and QUOTED.encode() in (value or b"")]
    assert not [key for key in holding if b"+taken" not in key], "no queue names it"
    assert all(0 < server.pttl(key) <= 60_000 for key in holding)
    assert any(b"a%20third" in key for key in left)


async def test_every_key_of_a_conversation_and_of_the_queues_has_a_time_to_live(
    socket: Path, server: redis.Redis
) -> None:
    async with RedisStore(f"unix://{socket}", ttl=300) as store:
        await lived_through(store, NAME)
    lasting = {key: server.pttl(key) for key in server.scan_iter()}
    assert len(lasting) > 8
    assert all(0 < left <= 300_000 for left in lasting.values()), lasting
