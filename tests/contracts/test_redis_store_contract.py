"""The Redis store is what the contract says, on a real server, in real time."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import anyio
import pytest
import redis
import redis_server

for part in ("", "_adopting", "_log", "_queue", "_endings", "_keeping", "_rewind"):
    pytest.register_assert_rewrite(f"counterpoint.testing.store_contract{part}")

from counterpoint.shared_context.redis import RedisStore  # noqa: E402 (after the rewriting of asserts is arranged)
from counterpoint.shared_context.store import ContextStore  # noqa: E402 (the same)
from counterpoint.testing.store_contract import StoreContract  # noqa: E402 (the same)
from counterpoint.testing.store_contract_rewind import RewindContract, SetBack  # noqa: E402 (the same)


@pytest.fixture(scope="module")
def socket() -> Generator[Path, None, None]:
    with redis_server.running() as path:
        yield path


class OnAServer:
    lease_seconds = 0.25

    @pytest.fixture
    async def store(self, socket: Path) -> AsyncGenerator[ContextStore, None]:
        with redis.Redis(unix_socket_path=str(socket)) as server:
            server.flushall()
            async with RedisStore(f"unix://{socket}", ttl=600) as store:
                yield store
            lasting = [key for key in server.scan_iter() if server.pttl(key) == -1]
            assert not lasting, "every key has a time to live"


@pytest.mark.real
class TestRedisStore(OnAServer, StoreContract):
    pass


@pytest.mark.real
class TestRedisStoreSetBack(OnAServer, RewindContract):
    @pytest.fixture(autouse=True)
    def on(self, socket: Path) -> None:
        self.socket = socket

    async def remembered(self, store: ContextStore) -> SetBack:
        """Every key as it is now. A server that is set back loses its connections, too."""
        kept: dict[bytes, bytes] = {}

        def remember() -> None:
            with redis.Redis(unix_socket_path=str(self.socket)) as server:
                kept.update({key: server.dump(key) for key in server.scan_iter()})

        def set_back() -> None:
            with redis.Redis(unix_socket_path=str(self.socket)) as server:
                server.flushall()
                for key, value in kept.items():
                    server.restore(key, 600_000, value)
                server.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

        await anyio.to_thread.run_sync(remember)
        return lambda: anyio.to_thread.run_sync(set_back)
