"""Many wait for bells on one connection, and it is cut again and again: they are told so, or hear their bell."""

import gc
import random
import tempfile
import warnings
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
import redis_server
from chaos.line import Line

from counterpoint.errors import StoreUnavailable
from counterpoint.shared_context.redis.bells import Bells
from counterpoint.shared_context.redis.server import Server

pytestmark = pytest.mark.real

CUTS = 300


@pytest.fixture
def line() -> Generator[Line, None, None]:
    with redis_server.running() as server, tempfile.TemporaryDirectory() as folder:
        yield Line(Path(folder, "line"), lambda: server)


async def test_whoever_waits_while_connections_are_cut_meets_no_error_but_unavailable_and_leaves_no_socket(
    line: Line,
) -> None:
    sockets_left()  # those of others
    chance = random.Random(1)
    over = anyio.Event()

    async def wait() -> None:
        while not over.is_set():
            with (
                suppress(StoreUnavailable),
                bells.bell(f"channel-{chance.randrange(40)}") as bell,
                anyio.move_on_after(chance.uniform(0, 0.05)),
            ):
                await bells.wait(bell)
            await anyio.sleep(chance.uniform(0, 0.01))

    async with anyio.create_task_group() as lines, anyio.create_task_group() as tasks:
        await lines.start(line.run)
        bells = Bells(Server(line.url).bells)
        for _ in range(20):
            tasks.start_soon(wait)
        for _ in range(CUTS):
            await anyio.sleep(chance.uniform(0, 0.01))
            line.cut()
        over.set()
        await anyio.sleep(0.2)
        await bells.close()
        lines.cancel_scope.cancel()
    assert sockets_left() == []


def sockets_left() -> list[str]:
    """What the garbage collector finds open: it closes it, and tells."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        gc.collect()
    return [str(one.message) for one in told]
