"""What the tests of tools share: a context, a way to run a call to its end, and a real server."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any

import anyio
import pytest
import uvicorn

from counterpoint.errors import lone_errors
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


@pytest.fixture
def serving() -> Callable[[Any], AbstractAsyncContextManager[str]]:
    """`async with serving(app) as url`: an ASGI application behind a real socket of this machine."""

    @asynccontextmanager
    async def serve(app: Any) -> AsyncGenerator[str, None]:
        settings = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none")
        server = uvicorn.Server(settings)

        async def run() -> None:
            with anyio.CancelScope(shield=True):
                await server._serve()

        with lone_errors():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run)
                while not server.started:
                    await anyio.sleep(0.001)
                host, port = server.servers[0].sockets[0].getsockname()[:2]
                try:
                    yield f"http://{host}:{port}"
                finally:
                    server.should_exit = server.force_exit = True

    return serve
