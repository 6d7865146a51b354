"""One side of a conversation, in whichever version of counterpoint is on the path: `host` or `worker`, then JSON.

    python one_side.py host URL CONVERSATION BEATS [REQUEST]      plays, prints what was said and what is in the log
    python one_side.py worker URL SECONDS [ANSWER]                works until it is told to stop; prints what it takes

Written for what both versions have.
"""

import json
import sys
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import anyio

import counterpoint
from counterpoint.background.model import Answer, Observation, Say
from counterpoint.background.worker import Worker
from counterpoint.runtime import Runtime
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.redis import RedisStore
from counterpoint.testing import ScriptedInteraction, delegate, play
from counterpoint.tools.toolbox import Toolbox


def tell(**facts: Any) -> None:
    sys.stdout.write(json.dumps({**facts, "from": counterpoint.__file__}) + "\n")
    sys.stdout.flush()


async def host(url: str, conversation: str, beats: str, request: str = "") -> None:
    lines = [delegate(request, at=2, saying="Let me look.")] if request else []
    runtime = Runtime(ScriptedInteraction(*lines), served=True, store=url)
    played = await play(runtime, beats=int(beats), conversation=conversation)
    kinds = [type(stored.entry.body).__name__ for stored in played.entries]
    failures = [str(stored.entry.body) for stored in played.entries if type(stored.entry.body).__name__ == "Failed"]
    tell(said=played.said, kinds=kinds, failures=failures)


class Telling:
    """Says the beginning at once, and the end after a while."""

    name = "telling"

    def __init__(self, seconds: float, answer: str) -> None:
        self._seconds = seconds
        self._answer = answer

    async def think(
        self, package: ContextPackage, tools: Sequence[Any], observations: Sequence[Observation]
    ) -> AsyncGenerator[Any, None]:
        tell(asked=package.request)
        yield Say("There is a train.")
        await anyio.sleep(self._seconds)
        yield Answer(self._answer)


async def worker(url: str, seconds: str, answer: str = "It leaves at 10:14.") -> None:
    async with RedisStore(url) as store, Worker(store, Telling(float(seconds), answer), Toolbox()):
        tell(ready=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run({"host": host, "worker": worker}[sys.argv[1]], *sys.argv[2:])
