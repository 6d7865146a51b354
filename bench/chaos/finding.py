"""A background model that finds what it is asked for: it says two parts of the answer, looks something up, and
then answers. And the tools that it looks things up with.
"""

import os
import signal
from collections.abc import AsyncGenerator, Sequence

import anyio
import msgspec

from chaos.words import Ask, Want, asks_in
from counterpoint import tool
from counterpoint.background.model import Answer, Call, Observation, Progress, Say, Step
from counterpoint.shared_context.ids import CallId
from counterpoint.shared_context.package import ContextPackage
from counterpoint.tools.schema import ToolSchema

PAUSE_SECONDS = 0.4
FLOOD = 10_000


@tool
async def look(word: str) -> str:
    """Looks up a word."""
    await anyio.sleep(PAUSE_SECONDS)
    return f"{word} is known"


@tool(timeout=1)
async def hang(word: str) -> str:
    """Never returns."""
    await anyio.sleep_forever()
    return word


@tool(timeout=5)
async def flood(word: str) -> AsyncGenerator[str, None]:
    """Yields more than anybody wants."""
    for number in range(FLOOD):
        yield f"page {number}"


TOOLS = (look, hang, flood)


class Finding:
    """Answers the last ask in the request. The whole answer comes at the end: what was told of it is not repeated."""

    name = "finding"

    async def think(
        self, package: ContextPackage, tools: Sequence[ToolSchema], observations: Sequence[Observation]
    ) -> AsyncGenerator[Step, None]:
        ask = asks_in(package.request)[-1]
        if ask.want is Want.POISON:
            await anyio.sleep(PAUSE_SECONDS / 2)
            os.kill(os.getpid(), signal.SIGKILL)
        looked_up = [each.call for each in observations if each.call and f'"a{ask.number}"' in each.call.arguments]
        if not looked_up:
            yield Progress("Still looking.")
            await anyio.sleep(PAUSE_SECONDS)
            yield Say(ask.part(1, 2))
            await anyio.sleep(PAUSE_SECONDS)
            yield Say(ask.part(3, 4))
            yield Call(CallId(f"call-{ask.number}"), _tool_of(ask), _arguments_of(ask))
            return
        await anyio.sleep(PAUSE_SECONDS)
        yield Answer(" ".join(ask.words))


def _tool_of(ask: Ask) -> str:
    return ask.want.value if ask.want in (Want.HANG, Want.FLOOD) else look.name


def _arguments_of(ask: Ask) -> str:
    return msgspec.json.encode({"word": f"a{ask.number}"}).decode()
