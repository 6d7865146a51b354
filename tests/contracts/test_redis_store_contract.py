"""The Redis store is what the contract says, on a real server, in real time."""

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import redis
import redis_server

for part in ("", "_log", "_queue", "_endings", "_keeping"):
    pytest.register_assert_rewrite(f"counterpoint.testing.store_contract{part}")

from counterpoint.shared_context.redis import RedisStore  # noqa: E402 (after the rewriting of asserts is arranged)
from counterpoint.shared_context.store import ContextStore  # noqa: E402 (the same)
from counterpoint.testing.store_contract import StoreContract  # noqa: E402 (the same)


@pytest.fixture(scope="module")
def socket() -> Generator[Path, None, None]:
    with redis_server.running() as path:
        yield path


@pytest.mark.real
class TestRedisStore(StoreContract):
    lease_seconds = 0.25

    @pytest.fixture
    async def store(self, socket: Path) -> AsyncGenerator[ContextStore, None]:
        with redis.Redis(unix_socket_path=str(socket)) as server:
            server.flushall()
            async with RedisStore(f"unix://{socket}", ttl=600) as store:
                yield store
            lasting = [key for key in server.scan_iter() if server.pttl(key) == -1]
            assert not lasting, "every key has a time to live"
