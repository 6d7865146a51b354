"""A real server for these tests alone, and a proxy that breaks connections to it."""

import tempfile
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import redis
import redis_server
from breaking_proxy import BreakingProxy

from counterpoint.shared_context.redis import RedisStore


@pytest.fixture(scope="session")
def socket() -> Generator[Path, None, None]:
    with redis_server.running() as path:
        yield path


@pytest.fixture
def server(socket: Path) -> Generator[redis.Redis, None, None]:
    """The server as an operator sees it, empty."""
    with redis.Redis(unix_socket_path=str(socket)) as operator:
        operator.flushall()
        yield operator


@pytest.fixture
async def store(server: redis.Redis, socket: Path) -> AsyncGenerator[RedisStore, None]:
    async with RedisStore(f"unix://{socket}", ttl=600) as store:
        yield store


@pytest.fixture
def proxy(socket: Path) -> Generator[BreakingProxy, None, None]:
    with tempfile.TemporaryDirectory() as folder:
        yield BreakingProxy(socket, Path(folder, "proxy.sock"))
