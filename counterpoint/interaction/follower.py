"""Brings in what others write to the log, across outages of the store and over a log that was set back."""

from collections.abc import Callable
from contextlib import aclosing
from typing import Final

import anyio

from counterpoint.errors import Rewound, StoreUnavailable, UnknownConversation
from counterpoint.interaction.journal import Journal
from counterpoint.interaction.known_log import KnownLog
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.store import ContextStore

AGAIN_SECONDS: Final = 0.2
"""Between two attempts to read from a store that is away."""


class Follower:
    """`arrived` is told once of every entry, also of what this host wrote itself."""

    def __init__(self, store: ContextStore, log: KnownLog, journal: Journal, arrived: Callable[[Stored], None]) -> None:
        self._store = store
        self._log = log
        self._journal = journal
        self._arrived = arrived

    async def run(self) -> None:
        """Until there is nothing left to follow: the conversation was ended. Raises the `StoreError` that stays."""
        log = self._log
        while True:
            try:
                async with aclosing(
                    self._store.follow(log.conversation, log.keeping.tail, log.keeping.stamp)
                ) as entries:
                    async for stored in entries:
                        if log.take(stored):
                            self._arrived(stored)
                        await log.compact()
            except StoreUnavailable:
                await anyio.sleep(AGAIN_SECONDS)
            except (Rewound, UnknownConversation):
                await self._set_back()
            else:
                return

    async def _set_back(self) -> None:
        """The store came back without its last writes. The journal gives back what is missing; if others have written
        something in its place, the log is read anew for that.
        """
        await self._journal.make_sure()
        try:
            if not await self._log.matches(self._journal.covered):
                for stored in await self._log.read_anew():
                    self._arrived(stored)
        except (StoreUnavailable, UnknownConversation):
            await anyio.sleep(AGAIN_SECONDS)
