"""Stands between a store and its server, and breaks connections where a test wants it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import SocketStream

from counterpoint.shared_context.redis.scripts import Script

_BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)


class BreakingProxy:
    """`lose_replies`: to how many of the next calls of a script the reply is swallowed, and the connection cut.
    `cut_requests`: how many arrive in half. `deaf`: connections stay and nothing passes.
    """

    def __init__(self, server: Path, path: Path) -> None:
        self.url = f"unix://{path}"
        self.lose_replies: dict[str, int] = {}
        self.cut_requests: dict[str, int] = {}
        self.deaf = False
        self.broken = 0
        self._server = server
        self.path = path
        self._serving: set[anyio.CancelScope] = set()
        self._gone = anyio.Event()
        self._listening = anyio.Event()

    def lead_to(self, server: Path) -> None:
        """Another server from now on; whoever is connected has to connect again."""
        self._server = server
        for scope in self._serving:
            scope.cancel()

    def go(self) -> None:
        self._gone.set()

    def lose_reply_to(self, script: Script, times: int = 1) -> None:
        self.lose_replies[script.sha] = times

    def cut(self, script: Script, times: int = 1) -> None:
        self.cut_requests[script.sha] = times

    async def run(self) -> None:
        """Until it goes."""
        async with await anyio.create_unix_listener(self.path) as listener, anyio.create_task_group() as tasks:
            self._listening.set()
            tasks.start_soon(listener.serve, self.serve)
            await self._gone.wait()
            tasks.cancel_scope.cancel()
        self.path.unlink()

    async def serve(self, client: SocketStream) -> None:
        async with client:
            try:
                server = await anyio.connect_unix(self._server)
            except OSError:
                return  # nobody is there
            async with server:
                await self._between(client, server)

    async def _between(self, client: SocketStream, server: SocketStream) -> None:
        lost: list[bool] = []
        async with anyio.create_task_group() as tasks:
            self._serving.add(tasks.cancel_scope)
            tasks.start_soon(self._requests, client, server, lost, tasks.cancel_scope)
            tasks.start_soon(self._replies, server, client, lost, tasks.cancel_scope)
        self._serving.discard(tasks.cancel_scope)

    async def _requests(
        self, client: SocketStream, server: SocketStream, lost: list[bool], scope: anyio.CancelScope
    ) -> None:
        try:
            while True:
                data = await self._received(client)
                if self._counts(self.cut_requests, data):
                    await server.send(data[: len(data) // 2])
                    break
                if self._counts(self.lose_replies, data):
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
        while self.deaf:
            await anyio.sleep(0.01)
        return data

    def _counts(self, what: dict[str, int], data: bytes) -> bool:
        for sha, times in what.items():
            if times and sha.encode() in data:
                what[sha] -= 1
                self.broken += 1
                return True
        return False


@asynccontextmanager
async def proxied(proxy: BreakingProxy) -> AsyncGenerator[BreakingProxy, None]:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(proxy.run)
        await proxy._listening.wait()
        yield proxy
        proxy.go()
