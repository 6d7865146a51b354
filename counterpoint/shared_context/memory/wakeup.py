"""Wakes everybody who waits, once, and costs nothing while nobody does."""

import anyio


class WakeUp:
    """Waiters look again at what they waited for: being woken promises nothing. Looking, and then waiting, with no
    `await` in between misses nothing.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def wake(self) -> None:
        if self._event is not None:
            self._event.set()
            self._event = None

    def __deepcopy__(self, memo: object) -> "WakeUp":
        """Nobody waits for the copy."""
        return WakeUp()

    async def wait(self) -> None:
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()
