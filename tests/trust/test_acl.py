"""The ACL file that is shipped: it is enough for all that hosts and workers do, and for nothing else."""

import re
from collections.abc import AsyncGenerator, Generator
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import redis
import redis_server

for module in Path(find_spec("counterpoint.testing").origin).parent.glob("store_contract*.py"):  # pyright: ignore[reportOptionalMemberAccess, reportArgumentType] (it is there)
    pytest.register_assert_rewrite(f"counterpoint.testing.{module.stem}")

from counterpoint.errors import ConfigurationError  # noqa: E402 (after the rewriting of asserts is arranged)
from counterpoint.shared_context.ids import ConversationId, Position  # noqa: E402 (the same)
from counterpoint.shared_context.redis import RedisStore  # noqa: E402 (the same)
from counterpoint.shared_context.store import ContextStore, Fence  # noqa: E402 (the same)
from counterpoint.testing.store_actors import Host, Worker  # noqa: E402 (the same)
from counterpoint.testing.store_contract import StoreContract  # noqa: E402 (the same)

ACL = Path(__file__).parents[2] / "docs" / "counterpoint.acl"
CLIENT = {"evalsha", "eval", "info", "ping", "subscribe", "unsubscribe", "wait"}
"""What the client sends besides what the scripts call."""

HOSTS = {"del", "unlink", "xtrim", "hkeys", "xrevrange"}
"""What only a host does: opening, forgetting, trimming, closing, giving back what was lost."""

FORBIDDEN = (
    "KEYS *", "SCAN 0", "FLUSHALL", "CONFIG GET *", "ACL LIST", "CLIENT LIST", "MONITOR", "DUMP counterpoint:x",
    "SCRIPT FLUSH", "RENAME counterpoint:x counterpoint:y", "RESTORE counterpoint:x 0 x", "REPLICAOF NO ONE",
)  # fmt: skip

pytestmark = pytest.mark.real


def allowed(user: str) -> set[str]:
    [line] = [line for line in ACL.read_text().splitlines() if line.startswith(f"user {user} ")]
    return set(re.findall(r" \+([a-z|]+)", line))


def called() -> set[str]:
    scripts = files("counterpoint.shared_context.redis").joinpath("lua").iterdir()
    found: set[str] = set()
    for script in scripts:
        found |= {name.lower() for name in re.findall(r"""redis\.p?call\(\s*['"](\w+)""", script.read_text())}
    return found


def test_the_file_allows_what_the_scripts_call_and_nothing_more() -> None:
    assert called() | CLIENT == allowed("counterpoint-host")
    assert allowed("counterpoint-host") - allowed("counterpoint-worker") == HOSTS
    assert allowed("counterpoint-worker") <= allowed("counterpoint-host")


@pytest.fixture(scope="module")
def socket() -> Generator[Path, None, None]:
    with redis_server.running("--aclfile", str(ACL)) as path:
        yield path


@pytest.fixture
def admin(socket: Path) -> Generator[redis.Redis, None, None]:
    with redis.Redis(unix_socket_path=str(socket), username="admin", password="change-me-admin") as server:
        server.flushall()
        yield server


def store_of(user: str, socket: Path, **options: Any) -> RedisStore:
    return RedisStore(f"unix://counterpoint-{user}:change-me-{user}@{socket}", ttl=600, **options)


class ByRole:
    """The host's operations by the host's user, a worker's by the worker's."""

    def __init__(self, host: ContextStore, worker: ContextStore) -> None:
        self._host = host
        self._worker = worker

    def __getattr__(self, operation: str) -> Any:
        if operation in ("lease", "renew", "settle", "release"):
            return getattr(self._worker, operation)
        if operation in ("append", "put_media"):
            return lambda fence, *given, **named: getattr(self._of(fence), operation)(fence, *given, **named)
        return getattr(self._host, operation)

    def _of(self, fence: Fence) -> ContextStore:
        return self._host if fence.delegation is None else self._worker


class TestLeastPrivilege(StoreContract):
    lease_seconds = 0.25

    @pytest.fixture
    async def store(self, socket: Path, admin: redis.Redis) -> AsyncGenerator[ContextStore, None]:
        async with store_of("host", socket) as host, store_of("worker", socket) as worker:
            yield ByRole(host, worker)  # pyright: ignore[reportReturnType] (it has what the store has)
        assert not refusals(admin), "nothing was tried that is not allowed"


def refusals(admin: redis.Redis) -> list[str]:
    return [f"{entry['username']}: {entry['object']}" for entry in admin.acl_log()]


@pytest.mark.parametrize("user", ["host", "worker"])
def test_what_the_store_does_not_need_is_refused(user: str, socket: Path, admin: redis.Redis) -> None:
    password = f"change-me-{user}"
    with redis.Redis(unix_socket_path=str(socket), username=f"counterpoint-{user}", password=password) as server:
        for command in FORBIDDEN:
            with pytest.raises(redis.exceptions.NoPermissionError):
                server.execute_command(*command.split())
        for elsewhere in ("other", "counterpoin:x"):
            with pytest.raises(redis.exceptions.NoPermissionError):
                server.get(elsewhere)
        with pytest.raises(redis.exceptions.NoPermissionError):
            server.publish("elsewhere", "x")
        with pytest.raises(redis.exceptions.ResponseError, match="ACL failure"):
            server.eval("return redis.call('GET', 'other')", 0)
    admin.execute_command("ACL", "LOG", "RESET")


async def test_a_worker_removes_no_conversation(socket: Path, admin: redis.Redis) -> None:
    async with store_of("host", socket) as store, store_of("worker", socket) as elsewhere:
        host = await Host.open(store)
        await host.say("a", "b")
        await host.ask("d1")
        await store.snapshot(host.fence, Position(1), b"a")
        await Worker.take(elsewhere)
        for destroying in (
            elsewhere.forget(host.conversation),
            elsewhere.trim(host.fence, Position(1)),
            elsewhere.open(ConversationId("another"), host.fence.writer),
        ):
            with pytest.raises(ConfigurationError, match="does not let this user"):
                await destroying
        assert len(await store.read(host.conversation)) == 3
    admin.execute_command("ACL", "LOG", "RESET")


async def test_a_prefix_that_the_file_does_not_name_is_refused(socket: Path, admin: redis.Redis) -> None:
    async with store_of("host", socket, prefix="elsewhere") as store:
        with pytest.raises(ConfigurationError, match="let this user do this"):
            await Host.open(store)
    admin.execute_command("ACL", "LOG", "RESET")


async def test_who_is_not_in_the_file_does_not_get_in(socket: Path, admin: redis.Redis) -> None:
    for who in ("", "nobody:x@", "counterpoint-host:wrong@", "counterpoint-worker:change-me-host@"):
        with pytest.raises(ConfigurationError, match="does not let this user in") as told:
            async with RedisStore(f"unix://{who}{socket}"):
                pass
        assert "change-me" not in str(told.value)
    admin.execute_command("ACL", "LOG", "RESET")


def test_an_operator_may_watch_and_change_nothing(socket: Path, admin: redis.Redis) -> None:
    admin.zadd("counterpoint:{+work0}:default:1", {"x": 1})
    name, password = "counterpoint-monitor", "change-me-monitor"
    with redis.Redis(unix_socket_path=str(socket), username=name, password=password) as server:
        assert server.zcard("counterpoint:{+work0}:default:1") == 1
        assert server.info("memory")
        for command in (["ZREM", "counterpoint:{+work0}:default:1", "x"], ["XRANGE", "counterpoint:{c}:log", "-", "+"]):
            with pytest.raises(redis.exceptions.NoPermissionError):
                server.execute_command(*command)
    admin.execute_command("ACL", "LOG", "RESET")
