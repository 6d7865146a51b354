"""What it costs to wait for work: as little as can be, and nobody misses anything for it."""

from pathlib import Path

import anyio
import pytest
import redis

from counterpoint.background.worker import Worker as BackgroundWorker
from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.ids import WriterId
from counterpoint.shared_context.redis import RedisStore
from counterpoint.testing.scripted_background import ScriptedBackground
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.tools.toolbox import Toolbox

pytestmark = pytest.mark.real


def scripts_run(server: redis.Redis) -> int:
    stats = server.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))  # pyright: ignore[reportAttributeAccessIssue] (it is no awaitable)


async def test_a_look_where_nothing_waits_is_one_script_of_one_command(store: RedisStore, server: redis.Redis) -> None:
    await nothing_waits(store, "default", "gpu")
    server.config_resetstat()
    assert await nothing_waits(store, "default", "gpu")
    stats = {name.removeprefix("cmdstat_"): each["calls"] for name, each in server.info("commandstats").items()}  # pyright: ignore[reportAttributeAccessIssue] (the same)
    stats.pop("config|resetstat", None)
    assert stats == {"evalsha": 1, "exists": 1}


async def test_taking_is_one_look_however_many_tags_hold_work(store: RedisStore, server: redis.Redis) -> None:
    await (await Host.open(store, "before")).ask("d1")
    await Worker.take(store)  # the server knows the scripts from here on
    for each in range(8):
        await (await Host.open(store, f"conversation {each}")).ask("d1")
    server.config_resetstat()
    taken = [await Worker.take(store) for _ in range(8)]
    assert [worker.lease.delegation.conversation for worker in taken] == [f"conversation {each}" for each in range(8)]
    assert scripts_run(server) == 16  # a take and a claim each


async def test_an_idle_worker_looks_once_and_is_woken_by_what_is_offered(
    store: RedisStore, server: redis.Redis, socket: Path
) -> None:
    host = await Host.open(store)
    async with (
        RedisStore(f"unix://{socket}") as elsewhere,
        BackgroundWorker(elsewhere, ScriptedBackground(after=0.0, answer="10:14"), Toolbox()) as worker,
    ):
        await anyio.sleep(0.2)
        server.config_resetstat()
        await anyio.sleep(0.3)
        assert scripts_run(server) == 0
        await host.ask("d1")
        with anyio.fail_after(5):
            while worker.busy or len(await store.read(host.conversation)) < 4:
                await anyio.sleep(0.01)


async def test_an_urgent_delegation_is_taken_beside_a_full_worker(store: RedisStore, socket: Path) -> None:
    host = await Host.open(store)
    async with (
        RedisStore(f"unix://{socket}") as elsewhere,
        BackgroundWorker(elsewhere, ScriptedBackground(after=0.5, answer="x"), Toolbox(), concurrency=1) as worker,
    ):
        for delegation, priority in (("d1", Priority.NORMAL), ("d2", Priority.NORMAL), ("d3", Priority.HIGH)):
            await host.ask(delegation, priority=priority)
        with anyio.fail_after(5):
            while worker.busy < 2:
                await anyio.sleep(0.01)
        lease = await store.lease(["default"], WriterId("another"), seconds=1, wait=0)
        assert lease is not None
        assert lease.delegation.id == "d2"
        await store.release(lease)
