"""embedded://: a real server that lives as long as its store, and keeps its folder longer."""

import os
import signal
import sys
import tempfile
from pathlib import Path

import anyio
import pytest

from counterpoint.errors import ConfigurationError, MissingExtra, StoreUnavailable
from counterpoint.shared_context import connect as connecting
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.redis import RedisStore
from counterpoint.shared_context.redis.embedded import EmbeddedServer
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import START, texts

pytestmark = pytest.mark.real


@pytest.fixture
def folder() -> object:
    with tempfile.TemporaryDirectory() as path:
        yield Path(path, "a folder", "of mine")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def left_behind() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("counterpoint-*"))


async def test_without_a_folder_it_keeps_nothing_and_leaves_nothing() -> None:
    before = left_behind()
    for _ in range(2):
        async with connect("embedded://") as store:
            host = await Host.open(store)
            assert host.tail == 0
            await host.say("a")
    assert left_behind() <= before


async def test_a_store_that_is_entered_by_several_has_one_server() -> None:
    store = connect("embedded://")
    async with store:
        host = await Host.open(store)
        async with store:
            await host.say("a")
        await host.say("b")
        assert await texts(store, host.conversation) == ["a", "b"]


async def test_a_folder_keeps_log_leases_and_work_over_a_restart(folder: Path) -> None:
    async with connect(f"embedded://{folder}") as store:
        host = await Host.open(store)
        await host.say("a", "b")
        await host.ask("d1")
        await host.ask("d2")
        worker = await Worker.take(store, seconds=60)
    async with connect(f"embedded://{folder}") as store:
        assert await texts(store, host.conversation) == ["a", "b"]
        again = Worker(store, worker.lease)
        await again.renew()
        await again.settle()
        assert (await Worker.take(store)).delegation == "d2"
        assert await nothing_waits(store)
        host.store = store
        await host.say("c")


async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(folder: Path) -> None:
    server = EmbeddedServer(folder)
    async with RedisStore(server.url, beside=server) as store:
        host = await Host.open(store)
        for each in range(20):
            await host.say(str(each))
        assert server._process is not None
        server._process.kill()
        await server._process.wait()
        with pytest.raises(StoreUnavailable):
            await store.read(host.conversation, START)
    async with connect(f"embedded://{folder}") as store:
        assert await texts(store, host.conversation) == [str(each) for each in range(20)]


async def test_ctrl_c_in_a_terminal_does_not_reach_it_before_its_owner_has_written_the_last_entries() -> None:
    async with EmbeddedServer() as server:
        assert server._process is not None
        assert os.getpgid(server._process.pid) != os.getpgid(0)


async def test_one_folder_is_one_servers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterpoint.shared_context.redis.embedded.IN_USE_SECONDS", 0.2)
    async with connect(f"embedded://{folder}") as store:
        with pytest.raises(ConfigurationError, match="in use"):
            async with connect(f"embedded://{folder}"):
                pass
        await Host.open(store)


async def test_a_folder_that_cannot_be_written_is_refused(folder: Path) -> None:
    await anyio.Path(folder.parent).mkdir()
    await anyio.Path(folder).write_text("a file")
    with pytest.raises(ConfigurationError, match="cannot keep its data there"):
        async with connect(f"embedded://{folder}"):
            pass


async def test_a_damaged_folder_is_refused(folder: Path) -> None:
    async with connect(f"embedded://{folder}") as store:
        await (await Host.open(store)).say("a")
    [log] = (folder / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"this is no log of commands\r\n" * 100)
    with pytest.raises(ConfigurationError, match="damaged"):
        async with connect(f"embedded://{folder}"):
            pass


async def test_it_ends_when_the_process_that_started_it_is_killed(folder: Path) -> None:
    script = (
        "import anyio, sys\n"
        "from counterpoint.shared_context.connect import connect\n"
        "from counterpoint.testing.store_actors import Host\n"
        "async def main():\n"
        "    async with connect(sys.argv[1]) as store:\n"
        "        await (await Host.open(store)).say('said before')\n"
        "        print(store._beside._process.pid, flush=True)\n"
        "        await anyio.sleep_forever()\n"
        "anyio.run(main)\n"
    )
    command = [sys.executable, "-c", script, f"embedded://{folder}"]
    async with await anyio.open_process(command, stderr=None) as killed:
        assert killed.stdout is not None
        server = int(await killed.stdout.receive())
        assert alive(server)
        os.kill(killed.pid, signal.SIGKILL)
        await killed.wait()
    async with connect(f"embedded://{folder}") as store:
        host = await Host.open(store)
        assert host.tail == 1
        assert await texts(store, host.conversation) == ["said before"]
    with anyio.fail_after(10):
        while alive(server):
            await anyio.sleep(0.02)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"counterpoint\[embedded\]"):
        connect("embedded://")
