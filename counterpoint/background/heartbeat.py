"""Keeps a lease: renewed four times within its time, so that a stall of a second does not lose it."""

from collections.abc import Callable

import anyio

from counterpoint.background.retrying import pause
from counterpoint.errors import StoreError, StoreFull, StoreUnavailable
from counterpoint.shared_context.store import ContextStore, Lease


class Heartbeat:
    """`lost` is called once, if the lease turns out to be another's, or the delegation to be over."""

    def __init__(self, store: ContextStore, lease: Lease, lost: Callable[[], None]) -> None:
        self._store = store
        self._lease = lease
        self._lost = lost
        self._renewed = anyio.current_time()
        self._beating = True

    @property
    def overdue(self) -> bool:
        """The lease is wanted and should have been renewed by now: the store does not answer, or time was lost."""
        return self._beating and anyio.current_time() - self._renewed > self._lease.seconds / 2

    async def run(self) -> None:
        try:
            await self._beat()
        finally:
            self._beating = False

    async def _beat(self) -> None:
        tries = 0
        while True:
            await anyio.sleep(pause(tries) if tries else self._lease.seconds / 4)
            try:
                await self._store.renew(self._lease)
            except (StoreUnavailable, StoreFull):
                tries += 1
            except StoreError:
                self._lost()
                return
            else:
                tries = 0
                self._renewed = anyio.current_time()
