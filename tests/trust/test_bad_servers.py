"""Servers that are not what a store needs, or half there, or damaged: a sentence, or a recorded end."""

import socket as sockets
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
import redis

from counterpoint.background.worker import Worker as BackgroundWorker
from counterpoint.errors import ConfigurationError, CorruptRecord, StoreUnavailable
from counterpoint.runtime import Runtime
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Asked, Degraded, Recovered, Settled, ToolReturned, Turn
from counterpoint.shared_context.ids import DelegationId, Position, WriterId
from counterpoint.shared_context.redis import RedisStore
from counterpoint.shared_context.redis.embedded import server_binary
from counterpoint.testing import ScriptedBackground, ScriptedInteraction, delegate, play
from counterpoint.testing.scripted_background import Answer, Call
from counterpoint.testing.store_actors import Host, Worker
from counterpoint.testing.store_trial import bodies
from counterpoint.tools.toolbox import Toolbox

pytestmark = pytest.mark.real


@contextmanager
def serving(*options: str) -> Generator[redis.Redis, None, None]:
    """A server on a port, as its operator sees it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        command = [str(server_binary()), *options, *where]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process, redis.Redis(port=port) as node:
            while not answers(node):
                assert process.poll() is None
                time.sleep(0.02)
            try:
                yield node
            finally:
                process.kill()


def free_port() -> int:
    with sockets.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(node: redis.Redis) -> bool:
    try:
        return bool(node.ping())
    except redis.ConnectionError:
        return False


def port_of(node: redis.Redis) -> int:
    return node.connection_pool.connection_kwargs["port"]


@pytest.fixture
def lone() -> Generator[redis.Redis, None, None]:
    with serving() as node:
        yield node


@pytest.fixture
def node_of_a_cluster() -> Generator[redis.Redis, None, None]:
    """It has no slots yet."""
    with serving("--cluster-enabled", "yes", "--cluster-port", str(free_port())) as node:
        yield node


@pytest.fixture
def sentinel(tmp_path: Path) -> Generator[redis.Redis, None, None]:
    configuration = tmp_path / "sentinel.conf"
    configuration.touch()
    with serving(str(configuration), "--sentinel") as node:
        yield node


async def refusal(url: str, error: type[Exception] = ConfigurationError) -> str:
    with pytest.raises(error) as told:
        await connect(url).__aenter__()
    return str(told.value)


async def test_a_node_of_a_cluster_is_not_taken_for_a_lone_server(node_of_a_cluster: redis.Redis) -> None:
    assert "redis+cluster://" in await refusal(f"redis://127.0.0.1:{port_of(node_of_a_cluster)}")


async def test_a_lone_server_is_not_taken_for_a_cluster(lone: redis.Redis) -> None:
    assert "redis:// instead of" in await refusal(f"redis+cluster://127.0.0.1:{port_of(lone)}")


async def test_a_sentinel_keeps_no_conversations(sentinel: redis.Redis) -> None:
    assert "Sentinel" in await refusal(f"redis://127.0.0.1:{port_of(sentinel)}")


async def test_a_cluster_that_is_half_up_is_unavailable_and_not_wrong(node_of_a_cluster: redis.Redis) -> None:
    url = f"redis+cluster://127.0.0.1:{port_of(node_of_a_cluster)}"
    assert "0 of 16384" in await refusal(url, StoreUnavailable)
    node_of_a_cluster.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16_383)
    await until_up(node_of_a_cluster)
    async with connect(url) as store:
        host = await Host.open(store)
        await host.say("a")
        node_of_a_cluster.execute_command("CLUSTER DELSLOTSRANGE", 0, 16_382)
        entry = host.scribe.write(Turn(text="b"))
        with pytest.raises(StoreUnavailable):
            await store.append(host.fence, [entry])
        node_of_a_cluster.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16_382)
        await until_up(node_of_a_cluster)
        assert await store.append(host.fence, [entry]) == [2]


async def until_up(node: redis.Redis) -> None:
    while node.execute_command("CLUSTER INFO")["cluster_state"] != "ok":
        await anyio.sleep(0.02)


async def test_a_conversation_goes_on_beside_a_server_that_is_read_only_for_a_while(lone: redis.Redis) -> None:
    async def set_back(session: object) -> None:
        await anyio.sleep(0.6)
        lone.execute_command("REPLICAOF", "127.0.0.1", "1")
        session.push("are you there?")  # pyright: ignore[reportAttributeAccessIssue] (a Session)
        await anyio.sleep(0.6)
        lone.execute_command("REPLICAOF", "NO", "ONE")

    model = ScriptedInteraction()
    url = f"redis://127.0.0.1:{port_of(lone)}"
    played = await play(Runtime(model, store=url), beats=15, also=set_back)
    assert len(played.bodies(Degraded)) == len(played.bodies(Recovered)) == 1
    assert [turn.beat for turn in played if turn.part == 0] == list(range(15))


async def test_a_session_on_a_corrupt_log_is_refused_with_a_sentence(lone: redis.Redis) -> None:
    url = f"redis://127.0.0.1:{port_of(lone)}"
    async with connect(url) as store:
        await (await Host.open(store, "station")).say("a")
    lone.xadd("counterpoint:{station}:log", {"e": b"\xc1 garbage"}, id="2-1")
    lone.hset("counterpoint:{station}:meta", "tail", "2")
    with pytest.raises(CorruptRecord, match="not an entry"):
        async with Runtime(ScriptedInteraction(), store=url).session("station"):
            pass


async def test_a_delegation_that_nobody_can_read_stops_no_worker_and_is_given_up(lone: redis.Redis) -> None:
    async with RedisStore(f"redis://127.0.0.1:{port_of(lone)}", max_attempts=2) as store:
        host = await Host.open(store, "station")
        await host.ask("d1")
        await host.ask("d2")
        lone.hset("counterpoint:{station}:work", "rec:d1", b"\xc1 garbage")
        worker = await Worker.take(store, seconds=0.1)
        assert worker.delegation == "d2"
        await worker.settle()
        with anyio.fail_after(10):
            while not (letters := await store.dead("default")):
                assert await store.lease(["default"], WriterId("w"), seconds=0.1, wait=0.1) is None
        assert [letter.delegation.id for letter in letters] == ["d1"]
        settled = [body for body in await bodies(store, host.conversation) if isinstance(body, Settled)]
        assert [(body.delegation, body.state.value) for body in settled] == [("d2", "done"), ("d1", "failed")]
        lone.hset("counterpoint:{station}:work", "dead:d1", b"\xc1 garbage")
        [letter] = await store.dead("default")
        assert "newer version" in letter.reason
        with pytest.raises(CorruptRecord):
            await store.retry(host.conversation, DelegationId("d1"))


async def test_a_worker_that_cannot_read_the_log_says_so_to_the_person(lone: redis.Redis) -> None:
    async with RedisStore(f"redis://127.0.0.1:{port_of(lone)}") as store:
        host = await Host.open(store, "station")
        await host.say("a")
        await host.ask("d1")
        lone.xtrim("counterpoint:{station}:log", maxlen=0, approximate=False)
        lone.xadd("counterpoint:{station}:log", {"e": b"\xc1 garbage"}, id="3-1")
        lone.hset("counterpoint:{station}:meta", "tail", "3")
        async with BackgroundWorker(store, ScriptedBackground(answer="10:14"), Toolbox()):
            with anyio.fail_after(10):
                async for stored in store.follow(host.conversation, Position(3)):
                    if isinstance(stored.entry.body, Settled):
                        assert stored.entry.body.state is DelegationState.FAILED
                        break


@pytest.mark.virtual
async def test_a_tool_that_the_worker_lacks_is_told_to_its_model_and_recorded() -> None:
    script = [Call("fares", {"to": "Bath"}), Answer("I cannot look up fares here.")]
    runtime = Runtime(ScriptedInteraction(delegate("the fare", at=2)), ScriptedBackground(script))
    played = await play(runtime, beats=30)
    [returned] = played.bodies(ToolReturned)
    assert returned.failed
    assert "There is no tool 'fares'" in returned.result
    assert [body.state.value for body in played.bodies(Settled)] == ["done"]
    assert len(played.bodies(Asked)) == 1
    assert "I cannot look up fares here." in played.said
