"""A store behind a cable, which can be pulled out."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Self

import anyio

from counterpoint.errors import StoreUnavailable
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.store import ContextStore


class Cable:
    """`pull` and `plug`: nothing gets through in between. `lossy`: writes do, replies do not. `asked`: calls so far."""

    def __init__(self, store: ContextStore) -> None:
        self._store = store
        self._out = False
        self._waiting: set[anyio.CancelScope] = set()
        self.lossy = False
        self.asked = 0

    def pull(self) -> None:
        self._out = True
        for scope in self._waiting:
            scope.cancel()

    def plug(self) -> None:
        self._out = False

    def __getattr__(self, name: str) -> Any:
        async def ask(*args: Any, **options: Any) -> Any:
            self.asked += 1
            answer = await self._through(lambda: getattr(self._store, name)(*args, **options))
            if self.lossy and name in ("append", "settle"):
                raise StoreUnavailable("the reply was lost")
            return answer

        return ask

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    async def follow(self, *args: Any) -> AsyncGenerator[Stored, None]:
        async with aclosing(self._store.follow(*args)) as entries:
            while (stored := await self._through(lambda: anext(entries, None))) is not None:
                yield stored

    async def _through(self, ask: Callable[[], Any]) -> Any:
        with anyio.CancelScope() as scope:
            if not self._out:
                self._waiting.add(scope)
                try:
                    return await ask()
                finally:
                    self._waiting.remove(scope)
        raise StoreUnavailable("the cable is out")
