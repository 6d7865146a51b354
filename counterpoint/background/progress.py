"""Progress that is told: the newest, at most once a second, the first at once. It doesn't know what becomes of it."""

from collections.abc import Callable
from typing import Final

import anyio

from counterpoint.shared_context.memory.wakeup import WakeUp

PROGRESS_SECONDS: Final = 1.0


class Progress:
    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._newest = ""
        self._told = ""
        self._offered = WakeUp()

    def offer(self, text: str) -> None:
        self._newest = text.strip()
        self._offered.wake()

    async def run(self) -> None:
        while True:
            while not self._newest or self._newest == self._told:
                await self._offered.wait()
            self._told = self._newest
            self._tell(self._told)
            await anyio.sleep(PROGRESS_SECONDS)
