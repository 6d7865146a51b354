"""Arize Phoenix, a real back end for traces, in an environment of its own (`make test-telemetry` installs it)."""

import os
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

COMMAND = Path(__file__).parents[2] / ".venv-phoenix" / "bin" / "phoenix"
LOOKS = 600
"""Five a second, until it answers."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def phoenix(folder: Path) -> Generator[str, None, None]:
    """Its URL, once it answers."""
    port = free_port()
    environment = {
        **os.environ,
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
    }
    url = f"http://127.0.0.1:{port}"
    with (folder / "phoenix.log").open("w") as log:
        server = subprocess.Popen([COMMAND, "serve"], env=environment, stdout=log, stderr=log)
        try:
            _wait(server, url)
            yield url
        finally:
            server.terminate()
            server.wait(30)


def spans_of(url: str) -> list[dict]:
    """All spans that it has, through its REST API."""
    return httpx.get(f"{url}/v1/projects/default/spans", params={"limit": 1000}).raise_for_status().json()["data"]


def _wait(server: subprocess.Popen, url: str) -> None:
    for _ in range(LOOKS):
        if server.poll() is None:
            with suppress(httpx.HTTPError):
                httpx.get(f"{url}/healthz").raise_for_status()
                return
        time.sleep(0.2)
    raise AssertionError("Phoenix did not start; its log is in phoenix.log")
