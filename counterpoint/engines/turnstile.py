"""Who computes next on one worker: the live lane before the background lane, each in order of arrival.

It knows nothing of models. A turn is not preempted: everybody's turns must be short enough for a beat to wait for one.
"""

import enum
import math
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

LINGER_SECONDS = 0.01
"""How long the background lane stays shut after a live turn.

A beat is several turns (append, then one per token) with a little of the caller's code between them; without the pause
the background would slip a slice into each of those gaps, and a beat would wait for all of them instead of one.
"""


class Lane(enum.Enum):
    LIVE = "live"
    BACKGROUND = "background"


class _Ticket:
    def __init__(self) -> None:
        self.called = anyio.Event()


class Turnstile:
    """Lets one caller through at a time. Bound to no event loop while nobody waits."""

    def __init__(self, linger: float = LINGER_SECONDS) -> None:
        self._linger = linger
        self._taken = False
        self._shut_until = -math.inf
        self._waiting: dict[Lane, deque[_Ticket]] = {lane: deque() for lane in Lane}

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncGenerator[None, None]:
        """One turn; cancelled while waiting for it, the caller leaves the queue."""
        await self._pass(lane)
        try:
            yield
        finally:
            self._taken = False
            if lane is Lane.LIVE:
                self._shut_until = anyio.current_time() + self._linger
            self._call()

    async def _pass(self, lane: Lane) -> None:
        ticket = _Ticket()
        queue = self._waiting[lane]
        queue.append(ticket)
        try:
            while (wait := self._wait(lane, ticket)) > 0:
                ticket.called = anyio.Event()
                with anyio.move_on_after(wait):
                    await ticket.called.wait()
            self._taken = True
        finally:
            queue.remove(ticket)
            self._call()

    def _wait(self, lane: Lane, ticket: _Ticket) -> float:
        """Seconds until it is worth looking again; 0 lets the ticket pass."""
        if self._taken or self._waiting[lane][0] is not ticket:
            return math.inf
        if lane is Lane.LIVE:
            return 0
        if self._waiting[Lane.LIVE]:
            return math.inf
        return self._shut_until - anyio.current_time()

    def _call(self) -> None:
        for queue in self._waiting.values():
            if queue:
                queue[0].called.set()
