"""The line between one process and its store, which breaks where and how a fault wants it. It knows bytes, and which
scripts write.
"""

from collections.abc import Callable
from pathlib import Path

import anyio
from anyio.abc import SocketStream, TaskStatus

from counterpoint.shared_context.redis import scripts

_BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)

WRITES = [
    script.sha.encode()
    for script in (
        scripts.OPEN, scripts.APPEND, scripts.SNAPSHOT, scripts.TRIM, scripts.CLOSE, scripts.OFFER, scripts.AMEND,
        scripts.WITHDRAW, scripts.CLAIM, scripts.RENEW, scripts.RELEASE, scripts.SETTLE, scripts.INTEND, scripts.PLACE,
        scripts.TAKE,
    )
]  # fmt: skip


class Line:
    """`server`: where the store is now. A process connects to `path`.

    `away`: nobody answers. `deaf`: connections stay and nothing passes. `delay`: seconds, each way. `rate`: bytes per
    second. `cut_writes`: every write arrives in half when it is sent first. `lose_replies`: every write arrives, and
    the reply to its first sending does not; the connection is cut.
    """

    def __init__(self, path: Path, server: Callable[[], Path]) -> None:
        self.path = path
        self.away = False
        self.deaf = False
        self.delay = 0.0
        self.rate: float | None = None
        self.cut_writes = False
        self.lose_replies = False
        self.broken = 0
        self._server = server
        self._sent: set[int] = set()
        self._connections: set[anyio.CancelScope] = set()

    @property
    def url(self) -> str:
        return f"unix://{self.path}"

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        async with await anyio.create_unix_listener(self.path, backlog=256) as listener:
            task_status.started()
            await listener.serve(self._serve)

    def cut(self) -> None:
        """Every connection that there is."""
        for scope in list(self._connections):
            scope.cancel()

    def mend(self) -> None:
        self.away = self.deaf = self.cut_writes = self.lose_replies = False
        self.delay, self.rate = 0.0, None
        self._sent.clear()

    async def _serve(self, client: SocketStream) -> None:
        with anyio.CancelScope() as scope:
            self._connections.add(scope)
            try:
                await self._connect(client, scope)
            except _BROKEN:
                pass
            finally:
                self._connections.discard(scope)
                with anyio.CancelScope(shield=True):
                    await client.aclose()

    async def _connect(self, client: SocketStream, scope: anyio.CancelScope) -> None:
        if self.away:
            return
        while self.deaf:
            await anyio.sleep(0.01)
        async with await anyio.connect_unix(self._server()) as server, anyio.create_task_group() as tasks:
            lost: list[bool] = []
            tasks.start_soon(self._requests, client, server, lost, scope)
            tasks.start_soon(self._replies, server, client, lost, scope)

    async def _requests(
        self, client: SocketStream, server: SocketStream, lost: list[bool], scope: anyio.CancelScope
    ) -> None:
        try:
            while True:
                data = await self._received(client)
                if (self.cut_writes or self.lose_replies) and self._is_new_write(data):
                    self.broken += 1
                    if self.cut_writes:
                        await server.send(data[: len(data) // 2])
                        break
                    lost.append(True)
                await server.send(data)
        except _BROKEN:
            pass
        scope.cancel()

    async def _replies(
        self, server: SocketStream, client: SocketStream, lost: list[bool], scope: anyio.CancelScope
    ) -> None:
        try:
            while True:
                data = await self._received(server)
                if lost:
                    break
                await client.send(data)
        except _BROKEN:
            pass
        scope.cancel()

    async def _received(self, stream: SocketStream) -> bytes:
        data = await stream.receive(1 << 20)
        if self.delay or self.rate:
            await anyio.sleep(self.delay + (len(data) / self.rate if self.rate else 0.0))
        while self.deaf:
            await anyio.sleep(0.01)
        return data

    def _is_new_write(self, data: bytes) -> bool:
        if not any(sha in data for sha in WRITES) or (known := hash(data)) in self._sent:
            return False
        self._sent.add(known)
        return True
