"""Tests marked `virtual` run on the virtual clock; all others on asyncio's own loop.

In every test a blocking call on the event loop is an error, and so is a task that is left behind.
"""

import asyncio
import importlib.util
from collections.abc import AsyncGenerator, Generator, Mapping

import pytest
from blockbuster import blockbuster_ctx

from counterpoint.testing.virtual_time import loop_factories

collect_ignore = [] if importlib.util.find_spec("vllm") else ["with_vllm"]
"""vLLM needs an environment of its own: `make test-vllm`, where finding nothing to run is an error."""


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, type[asyncio.AbstractEventLoop]]:
    if item.get_closest_marker("virtual"):
        return loop_factories()
    return {"asyncio": asyncio.SelectorEventLoop}


@pytest.fixture(autouse=True)
def the_event_loop_is_never_blocked() -> Generator[None, None, None]:
    with blockbuster_ctx("counterpoint") as blocking:
        # Making a tool looks whether its folder is there; it is made before the conversation begins.
        blocking.functions["os.stat"].can_block_in("counterpoint/tools/search.py", "documents")
        yield


@pytest.fixture(autouse=True)
def no_task_is_left_behind(request: pytest.FixtureRequest) -> None:
    """Checked on the test's own loop, right after an async test has returned."""
    if request.node.get_closest_marker("asyncio"):
        request.getfixturevalue("_tasks_that_the_test_started")


@pytest.fixture
async def _tasks_that_the_test_started() -> AsyncGenerator[None, None]:
    before = asyncio.all_tasks()
    yield
    others = asyncio.all_tasks() - before - {asyncio.current_task()}
    left = [task.get_name() for task in others if not task.done()]
    assert not left, f"the test left tasks behind: {left}"
