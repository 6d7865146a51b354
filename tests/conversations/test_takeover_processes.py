"""Two server processes on one real server of the store: the one that speaks is killed, or told to end, and the client
goes on with the other.
"""

import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from serving_host import WORDS

from counterpoint import Runtime
from counterpoint.errors import Fenced
from counterpoint.testing import ScriptedInteraction
from examples.websocket_client import Caller, call
from tests.redis_server import running

pytestmark = pytest.mark.real


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(store: str, port: int) -> Generator[subprocess.Popen[bytes], None, None]:
    script = Path(__file__).parent / "serving_host.py"
    with subprocess.Popen([sys.executable, str(script), store, str(port)]) as process:
        try:
            yield process
        finally:
            process.kill()


class Servers(NamedTuple):
    first: subprocess.Popen[bytes]
    ports: tuple[int, int]


@pytest.fixture
def servers() -> Generator[Servers, None, None]:
    ports = free_port(), free_port()
    with running() as path:
        store = f"unix://{path}"
        with serving(store, ports[0]) as first, serving(store, ports[1]):
            yield Servers(first, ports)


async def answers(port: int) -> None:
    with anyio.fail_after(60):
        while True:
            try:
                async with await anyio.connect_tcp("127.0.0.1", port):
                    return
            except OSError:
                await anyio.sleep(0.1)


async def grown(caller: Caller, words: int) -> None:
    with anyio.fail_after(60):
        while len("".join(caller.said).split()) < words:
            await anyio.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_host_that_goes_in_the_middle_of_a_note_is_replaced_and_nothing_is_heard_twice(
    servers: Servers, how: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    for port in servers.ports:
        await answers(port)
    caller = Caller("tell me everything")
    urls = [f"ws://127.0.0.1:{port}/talk" for port in servers.ports]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call, urls, caller)
        await grown(caller, 15)
        servers.first.send_signal(how)
        heard, killed = len("".join(caller.said).split()), anyio.current_time()
        await grown(caller, heard + 1)
        gap = anyio.current_time() - killed
        await grown(caller, len(WORDS))
        await anyio.sleep(0.5)
        tasks.cancel_scope.cancel()
    said = [word for word in "".join(caller.said).split() if word.startswith("word")]
    with capsys.disabled():
        print(f"\n  {how.name} to a host that speaks: the next word came after {gap:.2f} s")  # noqa: T201 (a figure, no claim)
    assert said == list(WORDS)


@pytest.fixture
def store() -> Generator[str, None, None]:
    with running() as path:
        yield f"unix://{path}"


async def test_a_host_with_nothing_to_write_is_told_that_it_was_taken_over(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = Runtime(ScriptedInteraction(), store=store, served=True)
    second = Runtime(ScriptedInteraction(), store=store, served=True)
    async with first.session("ours") as old:
        for _ in range(5):
            await anext(old)
        async with second.session("ours") as new:
            opened = anyio.current_time()
            with anyio.fail_after(10), pytest.raises(Fenced):
                async for _ in old:
                    pass
            told = anyio.current_time() - opened
            assert (await anext(new)).beat >= 5
    with capsys.disabled():
        print(f"\n  a host that was taken over was told after {1000 * told:.0f} ms")  # noqa: T201 (a figure, no claim)
