"""An answer that is being made elsewhere: received in a task of its own, so that a step only ever looks at what is
there. It knows what arrives, and not from where.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

from counterpoint.engines.http.deltas import Delta, Stopped, Text
from counterpoint.errors import CounterpointError

_PIECE: Final = re.compile(r"\s*\S{1,12}|\s+")
"""About what a token is: a word, or a part of a long one."""

FILTERED: Final = "the answer was stopped by the server's content filter"


class Reply:
    """`failure`: why no more of it will come, if it did not end by itself. Starts at once; end it with `cancel`, and
    then wait for it with `aclose`.
    """

    def __init__(self, deltas: AsyncGenerator[Delta, None]) -> None:
        self.failure = ""
        self.taken = 0
        self._pieces: deque[str] = deque()
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
            async with aclosing(deltas):
                async for delta in deltas:
                    match delta:
                        case Text(text=text):
                            self._pieces += _PIECE.findall(text)
                        case Stopped(reason="content_filter"):
                            self.failure = FILTERED
                        case _:
                            pass
        except CounterpointError as error:
            self.failure = str(error)
        finally:
            self._ended = True
