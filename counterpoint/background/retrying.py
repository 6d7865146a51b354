"""A store that does not answer is asked again, a little later each time. It knows nothing of what is asked."""

from collections.abc import Awaitable, Callable
from math import inf
from typing import Final, TypeVar

import anyio

from counterpoint.errors import StoreFull, StoreUnavailable

RETRY_SECONDS: Final = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Pauses between tries; the last one is repeated. Short, for a person waits and a lease runs out in 2 s."""

T = TypeVar("T")


def pause(tries: int) -> float:
    """Seconds to wait after so many failed tries."""
    return RETRY_SECONDS[min(max(tries, 1), len(RETRY_SECONDS)) - 1]


async def until_it_answers(ask: Callable[[], Awaitable[T]], *, until: float = inf) -> T:
    """The answer. Raises the last `StoreUnavailable` or `StoreFull` when the loop's time `until` has come."""
    tries = 0
    while True:
        try:
            return await ask()
        except (StoreUnavailable, StoreFull):
            tries += 1
            if anyio.current_time() + pause(tries) > until:
                raise
        await anyio.sleep(pause(tries))
