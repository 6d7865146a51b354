"""Whoever looks on sees every entry once, whatever becomes of the store."""

from contextlib import aclosing

import anyio
import pytest

from counterpoint.errors import StoreUnavailable
from counterpoint.shared_context.entries import Closed, Turn
from counterpoint.shared_context.following import following
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.testing.store_actors import Host

pytestmark = pytest.mark.virtual


class Flaky(MemoryStore):
    """Following it breaks off after every second entry."""

    async def follow(self, *args):
        count = 0
        async with aclosing(super().follow(*args)) as entries:
            async for stored in entries:
                yield stored
                count += 1
                if count == 2:
                    raise StoreUnavailable("gone")


async def looked_on(store: MemoryStore, host: Host, seen: list[str]) -> None:
    async with aclosing(following(store, host.conversation)) as entries:
        async for stored in entries:
            assert isinstance(stored.entry.body, Turn | Closed)
            seen.extend([stored.entry.body.text] if isinstance(stored.entry.body, Turn) else [])


async def test_an_outage_is_waited_out() -> None:
    store = Flaky()
    host, seen = await Host.open(store), []
    await host.say(*"abc")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(looked_on, store, host, seen)
        await anyio.sleep(1)
        await host.say("d")
        await host.close()
    assert seen == [*"abcd"]


async def test_a_log_that_was_written_anew_is_read_on() -> None:
    store = MemoryStore()
    host, seen = await Host.open(store), []
    await host.say("a")
    set_back = store.remembered()
    await host.say("b", "c")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(looked_on, store, host, seen)
        await anyio.sleep(1)
        set_back()
        newer = await Host.open(store, writer="newer")
        await newer.say("d")
        await anyio.sleep(1)
        await newer.close()
    assert seen == [*"abcd"]


async def test_a_conversation_that_is_not_kept_any_more_has_nothing_more() -> None:
    store = MemoryStore()
    empty = store.remembered()
    host, seen = await Host.open(store), []
    await host.say("a")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(looked_on, store, host, seen)
        await anyio.sleep(1)
        empty()
    assert seen == ["a"]
