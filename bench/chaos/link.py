"""The bench's line to the listener: what persons shall type, and which words were heard."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import msgspec
from anyio.abc import SocketStream

from chaos.counting import Ears, Heard
from chaos.listener import ListenerOptions, run_listener
from chaos.orders import Joined, Played, Tells
from chaos.processes import Child
from chaos.wire import BROKEN, Wire

START_SECONDS = 20.0


class Link:
    """`ears`: what was heard so far. `hosts`: of each conversation, as the listener sees it. `transcript`, `arrivals`:
    the listener's own files, complete when it has ended.
    """

    def __init__(self, wire: Wire, options: ListenerOptions) -> None:
        self.ears = Ears()
        self.hosts: dict[str, str] = {}
        self.transcript = options.transcript
        self.arrivals = options.arrivals
        self._wire = wire
        self._lock = anyio.Lock()

    async def tell(self, told: msgspec.Struct) -> None:
        async with self._lock:
            await self._wire.send(told)

    async def run(self) -> None:
        try:
            while True:
                match await self._wire.receive(Tells):
                    case Played(at, conversation, word):
                        self.ears.hear([Heard(at, conversation, word)])
                    case Joined(conversation, host):
                        self.hosts[conversation] = host
        except BROKEN:
            pass


@asynccontextmanager
async def listening(folder: Path) -> AsyncGenerator[Link, None]:
    """The listener lives as long as the block; then its files are complete."""
    options = ListenerOptions(folder / "listener.sock", folder / "transcript", folder / "arrivals")
    child = Child(run_listener, options, said=folder / "listener.log")
    try:
        async with await _connected(options.socket) as socket, anyio.create_task_group() as tasks:
            link = Link(Wire(socket), options)
            tasks.start_soon(link.run)
            try:
                yield link
            finally:
                tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(5):
            await child.ended()
        child.kill()


async def _connected(path: Path) -> SocketStream:
    """Once somebody listens there."""
    with anyio.fail_after(START_SECONDS):
        while True:
            try:
                return await anyio.connect_unix(path)
            except OSError:
                await anyio.sleep(0.01)
    raise AssertionError("unreachable: it connects or fails")
