"""The same on a Cluster of three nodes: every script stays in one slot, and bells ring across nodes."""

import socket as sockets
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest
import redis
from test_redis_failures import a_whole_conversation

from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.ids import WriterId
from counterpoint.shared_context.redis.embedded import server_binary
from counterpoint.shared_context.store import Lease
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import followed

pytestmark = pytest.mark.real

NODES = 3
SLOTS = 16_384


def free_port() -> int:
    """Below 55536: the bus of a node is 10000 above."""
    for port in range(20_000, 55_000, 37):
        with sockets.socket() as one, sockets.socket() as bus:
            try:
                one.bind(("127.0.0.1", port))
                bus.bind(("127.0.0.1", port + 10_000))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


@pytest.fixture(scope="module")
def url() -> Generator[str, None, None]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        nodes: list[redis.Redis] = []
        ports: list[int] = []
        for number in range(NODES):
            ports.append(free_port())
            home = Path(folder, str(number))
            home.mkdir()
            options = ["--port", str(ports[-1]), "--dir", str(home), "--save", "", "--cluster-enabled", "yes"]
            command = [str(server_binary()), "--bind", "127.0.0.1", *options]
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            stack.callback(process.kill)
            nodes.append(stack.enter_context(redis.Redis(port=ports[-1])))
            until(lambda node=nodes[-1]: answers(node))
        for number, node in enumerate(nodes):
            first, last = number * SLOTS // NODES, (number + 1) * SLOTS // NODES - 1
            node.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
            node.execute_command("CLUSTER MEET", "127.0.0.1", ports[0])
        for node in nodes:
            until(lambda node=node: node.execute_command("CLUSTER INFO")["cluster_state"] == "ok")
        yield f"redis+cluster://127.0.0.1:{ports[0]}"


def answers(node: redis.Redis) -> bool:
    try:
        return bool(node.ping())
    except redis.ConnectionError:
        return False


def until(there: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + 30
    while not there():
        assert time.perf_counter() < deadline
        time.sleep(0.02)


async def test_a_whole_conversation_on_a_cluster(url: str) -> None:
    async with connect(url) as store:
        await a_whole_conversation(store)


async def test_conversations_on_all_nodes_are_followed_and_worked_on(url: str) -> None:
    async with connect(url) as here, connect(url) as elsewhere, anyio.create_task_group() as tasks:
        hosts = [await Host.open(here, f"c{number}") for number in range(12)]
        seen: list[int] = []
        taken: list[str] = []

        async def follow(host: Host) -> None:
            seen.append(len(await followed(elsewhere, host.conversation, count=3)))

        async def work() -> None:
            while len(taken) < len(hosts):
                lease = await elsewhere.lease(["default"], WriterId("w"), seconds=30, wait=20)
                assert isinstance(lease, Lease)
                taken.append(lease.delegation.conversation)
                await Worker(elsewhere, lease).settle()

        for host in hosts:
            tasks.start_soon(follow, host)
        tasks.start_soon(work)
        await anyio.sleep(0.1)
        for host in hosts:
            await host.say("a")
            await host.ask("d1")
    assert seen == [3] * 12
    assert sorted(taken) == sorted(host.conversation for host in hosts)
    async with connect(url) as store:
        assert await nothing_waits(store)


@pytest.fixture
def followed_node(url: str) -> Generator[redis.Redis, None, None]:
    """The first node, which has a replica while the test lasts."""
    port, first = free_port(), int(url.rpartition(":")[2])
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        options = ["--port", str(port), "--dir", home, "--save", "", "--cluster-enabled", "yes"]
        command = [str(server_binary()), "--bind", "127.0.0.1", *options]
        process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        stack.callback(process.kill)
        node, replica = (stack.enter_context(redis.Redis(port=each)) for each in (first, port))
        until(lambda: answers(replica))
        replica.execute_command("CLUSTER MEET", "127.0.0.1", first)
        name = node.execute_command("CLUSTER MYID").decode()
        until(lambda: name in str(replica.execute_command("CLUSTER NODES")))
        until(lambda: replicates(replica, name))
        until(lambda: node.info("replication")["connected_slaves"] == 1)
        yield node
        replica.execute_command("CLUSTER RESET")


def replicates(replica: redis.Redis, name: str) -> bool:
    try:
        return bool(replica.execute_command("CLUSTER REPLICATE", name))
    except redis.ResponseError:
        return False


async def test_on_a_cluster_too_what_was_asked_has_reached_a_replica(url: str, followed_node: redis.Redis) -> None:
    followed_node.config_resetstat()
    async with connect(url) as store:
        for number in range(12):
            host = await Host.open(store, f"asked on some node {number}")
            await host.ask("d1")
            await (await Worker.take(store, wait=5)).settle()
            await host.close()
    waited = followed_node.info("commandstats")["cmdstat_wait"]["calls"]
    assert 2 <= waited < 24 + 12
    assert followed_node.info("replication")["slave0"]["lag"] <= 1
