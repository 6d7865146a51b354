"""Entries on their way into the store: by the call that each kind needs, and what a fenced host leaves behind."""

from collections.abc import Sequence
from typing import Final

import anyio

from counterpoint.errors import StoreError, StoreUnavailable
from counterpoint.interaction.outbox import Addressed
from counterpoint.shared_context.entries import Amended, Asked, Closed, Entry, Withdrawn
from counterpoint.shared_context.store import ContextStore, Fence
from counterpoint.telemetry import backend_of, storing

AGAIN_SECONDS: Final = 0.2
"""Between two attempts to hand in what a fenced host still held."""


class Sending:
    """Under one fence. Raises whatever the store raises."""

    def __init__(self, store: ContextStore, fence: Fence) -> None:
        self._store = store
        self._fence = fence
        self._backend = backend_of(store)

    async def send(self, entries: Sequence[Entry]) -> None:
        """Once: one that is addressed, or several that are merely appended."""
        store, fence, first = self._store, self._fence, entries[0]
        kind = type(first.body).__name__.lower() if isinstance(first.body, Addressed) else "append"
        with storing(self._backend, kind):
            match first.body:
                case Asked():
                    await store.offer(fence, first)
                case Amended():
                    await store.amend(fence, first)
                case Withdrawn():
                    await store.withdraw(fence, first)
                case Closed():
                    await store.close(fence, first)
                case _:
                    await store.append(fence, entries)


async def hand_in(store: ContextStore, fence: Fence, orphans: Sequence[Entry]) -> None:
    """Until the store has them, or does not want them: the conversation has ended, or is another one."""
    while orphans:
        try:
            await store.append(fence, orphans)
        except StoreUnavailable:
            await anyio.sleep(AGAIN_SECONDS)
        except StoreError:
            return
        else:
            return
