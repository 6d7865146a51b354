"""Whatever state a server is in, a write gets a clear error while that lasts, and is written once afterwards."""

import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import anyio
import pytest
import redis
import redis.exceptions as foreign
from redis_server import Killable

from counterpoint.errors import ConfigurationError, CounterpointError, StoreFull, StoreUnavailable
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import Degraded, Entry, Recovered, Turn
from counterpoint.shared_context.redis import RedisStore
from counterpoint.shared_context.redis import server as connection
from counterpoint.shared_context.redis.refusals import translated
from counterpoint.testing.play import play
from counterpoint.testing.scripted_interaction import ScriptedInteraction, say
from counterpoint.testing.store_actors import Host
from counterpoint.testing.store_trial import texts

pytestmark = pytest.mark.real


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Generator[Killable, None, None]:
    monkeypatch.setattr(connection, "COMMAND_SECONDS", 0.4)
    with tempfile.TemporaryDirectory() as folder:
        server = Killable(Path(folder, "server"))
        server.start()
        yield server
        server.kill()


State = Callable[[redis.Redis, Killable], Iterator[None]]


def full(operator: redis.Redis, _: Killable) -> Iterator[None]:
    operator.config_set("maxmemory", 1)
    yield
    operator.config_set("maxmemory", 0)


def read_only(operator: redis.Redis, _: Killable) -> Iterator[None]:
    operator.replicaof("127.0.0.1", 1)
    yield
    operator.replicaof("NO", "ONE")


def without_its_primary(operator: redis.Redis, _: Killable) -> Iterator[None]:
    operator.config_set("replica-serve-stale-data", "no")
    operator.replicaof("127.0.0.1", 1)
    yield
    operator.replicaof("NO", "ONE")


def without_replicas(operator: redis.Redis, _: Killable) -> Iterator[None]:
    operator.config_set("min-replicas-to-write", 1)
    yield
    operator.config_set("min-replicas-to-write", 0)


def standing_still(_: redis.Redis, server: Killable) -> Iterator[None]:
    server.stop()
    yield
    server.go_on()


def busy(operator: redis.Redis, server: Killable) -> Iterator[None]:
    operator.config_set("lua-time-limit", 1)

    def run_for_ever() -> None:
        with server.operator() as another, pytest.raises(foreign.ResponseError):
            another.eval("while true do end", 0)

    script = threading.Thread(target=run_for_ever)
    script.start()
    while True:
        try:
            operator.ping()
        except foreign.ResponseError:
            break
    yield
    operator.script_kill()
    script.join()


def cannot_save(operator: redis.Redis, server: Killable) -> Iterator[None]:
    operator.config_set("save", "3600 1")
    server.lose_its_disk()
    operator.bgsave()
    while operator.info("persistence")["rdb_last_bgsave_status"] == "ok":
        pass
    yield
    operator.config_set("save", "")


STATES = [
    (full, StoreFull),
    (read_only, StoreUnavailable),
    (without_its_primary, StoreUnavailable),
    (without_replicas, StoreUnavailable),
    (standing_still, StoreUnavailable),
    (busy, StoreUnavailable),
    (cannot_save, StoreUnavailable),
]


@pytest.mark.parametrize(("state", "error"), STATES, ids=lambda each: each.__name__)
async def test_a_write_is_refused_for_as_long_as_it_lasts_and_written_once_afterwards(
    server: Killable, state: State, error: type[CounterpointError]
) -> None:
    async with RedisStore(f"unix://{server.path}") as store:
        host = await Host.open(store)
        await host.say("before")
        entry = host.scribe.write(Turn(text="meanwhile"))
        with server.operator() as operator, contextmanager(state)(operator, server):
            for _ in range(2):
                with pytest.raises(error):
                    await store.append(host.fence, [entry])
        with anyio.fail_after(10):
            while not await taken(store, host, entry):
                await anyio.sleep(0.05)
        await host.say("after")
        assert await texts(store, host.conversation) == ["before", "meanwhile", "after"]


async def test_a_server_that_is_still_loading_is_waited_for(server: Killable) -> None:
    async with RedisStore(f"unix://{server.path}") as store:
        host = await Host.open(store)
        with server.operator() as operator:
            operator.mset({f"other:{number}": token_hex(1_000) for number in range(100)})
            operator.save()
        server.kill()
        server.start("--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024")
        entry = host.scribe.write(Turn(text="a"))
        with pytest.raises(StoreUnavailable, match="loading"):
            await store.append(host.fence, [entry])
        with anyio.fail_after(20):
            while not await taken(store, host, entry):
                await anyio.sleep(0.05)
        assert await texts(store, host.conversation) == ["a"]


async def taken(store: RedisStore, host: Host, entry: Entry) -> bool:
    try:
        await store.append(host.fence, [entry])
    except StoreUnavailable:
        return False
    return True


async def test_a_session_records_that_its_server_refused_it_and_that_it_is_back(server: Killable) -> None:
    words = "one two three four five six seven eight nine ten"

    async def refuse_for_a_second(_: Session) -> None:
        with server.operator() as operator:
            await anyio.sleep(0.5)
            operator.config_set("min-replicas-to-write", 1)
            await anyio.sleep(1.0)
            operator.config_set("min-replicas-to-write", 0)

    runtime = Runtime(ScriptedInteraction(say(words, at=1)), store=RedisStore(f"unix://{server.path}"))
    played = await play(runtime, beats=20, also=refuse_for_a_second)
    assert "".join(turn.text for turn in played.bodies(Turn)) == words
    assert len(played.bodies(Degraded)) == len(played.bodies(Recovered)) == 1
    assert "NOREPLICAS" in played.bodies(Degraded)[0].reason or "replicas" in played.bodies(Degraded)[0].reason


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (foreign.ClusterDownError("CLUSTERDOWN The cluster is down"), StoreUnavailable),
        (foreign.TryAgainError("TRYAGAIN Multiple keys request during rehashing of slot"), StoreUnavailable),
        (foreign.MasterDownError("MASTERDOWN Link with MASTER is down"), StoreUnavailable),
        (foreign.ResponseError("UNKILLABLE Sorry the script already executed write commands"), StoreUnavailable),
        (foreign.MovedError("3999 127.0.0.1:6381"), ConfigurationError),
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_a_cluster_answers_on_the_way_is_understood(reply: Exception, error: type[Exception]) -> None:
    with pytest.raises(error), translated():
        raise reply
