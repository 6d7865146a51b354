"""What the tests of tools share: a context, and a way to run a call to its end."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from counterpoint.shared_context.ids import CallId, ConversationId, DelegationId
from counterpoint.tools import Event, FailedCall, Outcome, Returned, Tool, ToolContext, run_call

Ran = Callable[..., Awaitable[list[Event]]]


@pytest.fixture
def context() -> ToolContext[Any]:
    return ToolContext(
        conversation=ConversationId("harbour"), delegation=DelegationId("d7"), call=CallId("c1"), sequence=3, state={}
    )


@pytest.fixture
def ran(context: ToolContext[Any]) -> Ran:
    """All events of one call."""

    async def run(tool: Tool[..., Any], arguments: str = "{}") -> list[Event]:
        async with aclosing(run_call(tool, arguments, context)) as events:
            return [event async for event in events]

    return run


@pytest.fixture
def outcome(ran: Ran) -> Callable[..., Awaitable[Outcome]]:
    async def run(tool: Tool[..., Any], arguments: str = "{}") -> Outcome:
        *_, last = await ran(tool, arguments)
        assert isinstance(last, Returned | FailedCall)
        return last

    return run
