"""Virtual time: an event loop whose clock jumps to the next deadline as soon as every task waits.

Unchanged anyio and asyncio code runs on it, an hour in seconds. It knows neither sockets nor threads: both would need
real time, so waiting for them is reported as a hang.
"""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

FARTHEST = 24 * 3600.0
"""Virtual seconds after which a test that goes on for ever is called a hang."""


class Hang(RuntimeError):
    """Every task waits and no timer is set: nothing can ever happen again."""


class _JumpingSelector(selectors.SelectSelector):
    """Instead of waiting for `timeout` seconds, lets them have passed."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise Hang("every task waits and no timer is set; in virtual time nothing else can wake them")
        self.elapsed += timeout
        if self.elapsed > FARTHEST:
            raise Hang(f"{FARTHEST / 3600:.0f} hours have passed; something waits for what never happens")
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 and stands still while code runs."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # noqa: ARG002 (the loop's own signature)
        raise Hang(f"virtual time and worker threads do not mix: {func!r} was sent to a thread")


def loop_factories() -> Mapping[str, type[asyncio.AbstractEventLoop]]:
    """For pytest-asyncio's `pytest_asyncio_loop_factories` hook: the loop on which `virtual` tests run."""
    return {"virtual": VirtualTimeLoop}
