"""An answer that is being made elsewhere: received in a task of its own, so that a step only ever looks at what is
there. It knows what arrives, and not from where.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

import anyio

from counterpoint.engines.http.deltas import Delta, Stopped, Text
from counterpoint.errors import CounterpointError

_PIECE: Final = re.compile(r"\s*\S{1,12}|\s+")
"""About what a token is: a word, or a part of a long one."""

FIRST_SECONDS: Final = 20.0
"""How long the first word may take: longer than a person waits, thoughts included."""

WHOLE_SECONDS: Final = 60.0
"""How long the rest may take: as long as it takes to say it."""

TOO_SLOW: Final = "the answer did not come in time"
FILTERED: Final = "the answer was stopped by the server's content filter"


class Reply:
    """`failure`: why no more of it will come, if it did not end by itself. Starts at once; end it with `cancel`, and
    then wait for it with `aclose`.
    """

    def __init__(self, deltas: AsyncGenerator[Delta, None]) -> None:
        self.failure = ""
        self.taken = 0
        self._pieces: deque[str] = deque()
        self._begun = False
        self._ended = False
        # The task is asyncio's own: a stream is opened in one place and closed in another, which a task group, whose
        # scope would have to be left in between, does not allow. Whoever closes the stream waits for it.
        self._task = asyncio.create_task(self._receive(deltas))  # noqa: TID251

    @property
    def over(self) -> bool:
        """Everything that came has been taken, and no more will come."""
        return self._ended and not self._pieces

    @property
    def done(self) -> bool:
        return self._task.done()

    def take(self) -> str | None:
        """The next piece; None if there is none yet, or none any more."""
        if not self._pieces:
            return None
        self.taken += 1
        return self._pieces.popleft()

    def cancel(self) -> None:
        self._task.cancel()

    async def aclose(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _receive(self, deltas: AsyncGenerator[Delta, None]) -> None:
        try:
            with anyio.move_on_after(FIRST_SECONDS) as patience:
                async with aclosing(deltas):
                    async for delta in deltas:
                        self._take_in(delta, patience)
            if patience.cancelled_caught:
                self.failure = TOO_SLOW
        except Exception as error:  # noqa: BLE001 (whatever it is, the conversation goes on without this answer)
            self.failure = str(error) if isinstance(error, CounterpointError) else f"{type(error).__name__}: {error}"
        finally:
            self._ended = True

    def _take_in(self, delta: Delta, patience: anyio.CancelScope) -> None:
        match delta:
            case Text(text=text):
                if not self._begun:
                    self._begun, patience.deadline = True, anyio.current_time() + WHOLE_SECONDS
                self._pieces += _PIECE.findall(text)
            case Stopped(reason="content_filter"):
                self.failure = FILTERED
            case _:
                pass
