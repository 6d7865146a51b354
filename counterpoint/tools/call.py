"""Executing calls: arguments checked, then events as they come, then exactly one outcome. Nothing of it raises.

Which call is made, and whether it may be, is decided by the reasoner.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, assert_never

import msgspec

from counterpoint.errors import ToolError
from counterpoint.tools.context import ToolContext
from counterpoint.tools.definition import Tool
from counterpoint.tools.events import Event, FailedCall
from counterpoint.tools.running import RunningCall

_Key = tuple[str, str, bytes]


class Calls:
    """The calls that run now, by conversation: what an identical call does beside them is for the tool to say."""

    def __init__(self) -> None:
        self._running: dict[_Key, RunningCall] = {}

    async def run(self, tool: Tool[..., Any], arguments: str, context: ToolContext[Any]) -> AsyncGenerator[Event, None]:
        """Consume it under `aclosing`; closing or cancelling it stops the call, unless another caller has joined it."""
        try:
            values = tool.read(arguments)
        except ToolError as error:
            yield FailedCall(str(error))
            return
        key = (context.conversation, tool.name, _canonical(values))
        call = await self._call(key, tool, values, context)
        if isinstance(call, FailedCall):
            yield call
            return
        try:
            async with aclosing(call.events()) as events:
                async for event in events:
                    yield event
        finally:
            if call.over and self._running.get(key) is call:
                del self._running[key]

    async def _call(
        self, key: _Key, tool: Tool[..., Any], values: dict[str, Any], context: ToolContext[Any]
    ) -> RunningCall | FailedCall:
        running = self._running.get(key)
        if running is None or running.over:
            running = self._running[key] = RunningCall(tool, values, context)
            return running
        match tool.options.duplicates:
            case "allow":
                return RunningCall(tool, values, context)
            case "reject":
                return FailedCall(f"the same call of {tool.name} runs already: wait for its result")
            case "replace":
                await running.stop(f"{tool.name} was replaced by a newer identical call")
                return await self._call(key, tool, values, context)
            case "join":
                return running
            case _ as never:
                assert_never(never)


def _canonical(values: dict[str, Any]) -> bytes:
    """The same for the same arguments, however the model wrote them."""
    return msgspec.json.encode(msgspec.to_builtins(values, str_keys=True), order="sorted")


def run_call(tool: Tool[..., Any], arguments: str, context: ToolContext[Any]) -> AsyncGenerator[Event, None]:
    """One call by itself, with no others beside it. `arguments`: JSON as the model wrote it."""
    return Calls().run(tool, arguments, context)
