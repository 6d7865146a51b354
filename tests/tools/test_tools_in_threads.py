"""Tools that put blocking work into a worker thread, in real time."""

import threading
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from counterpoint.tools import FailedCall, Returned, ToolContext, ToolProgress, tool

pytestmark = pytest.mark.real


async def test_progress_from_a_worker_thread_is_heard(ran) -> None:
    @tool
    async def dig(context: ToolContext[Any]) -> str:
        """Dig."""
        heard = threading.Event()

        def blocking() -> None:
            context.progress("digging")
            heard.wait(0.01)

        await anyio.to_thread.run_sync(blocking)
        await anyio.lowlevel.checkpoint()
        return "done"

    assert await ran(dig) == [ToolProgress("digging"), Returned("done")]


async def test_a_thread_that_blocks_does_not_hold_up_the_timeout(outcome) -> None:
    release = threading.Event()

    @tool(timeout=0.05)
    async def block() -> None:
        """Block."""
        await anyio.to_thread.run_sync(release.wait)

    try:
        failed = await outcome(block)
        assert isinstance(failed, FailedCall)
        assert failed.reason == "block was stopped: it took longer than 0.05 seconds"
    finally:
        release.set()
