"""A host in a process of its own: asks about a train, and the person goes on speaking until the answer has waited.

Arguments: the store, the conversation, the endpoint.
"""

import sys

import anyio

from counterpoint import Runtime, Session
from counterpoint.cli.otel import exporting
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.testing import ScriptedInteraction, delegate

GOES_ON_SPEAKING = 2.4
"""Seconds for which the person speaks after the answer is there."""

PATIENCE = 60.0


async def main(store: str, conversation: str) -> None:
    model = ScriptedInteraction(delegate("When does the train to Bath leave?", on="Bath", saying="Let me check."))
    with anyio.fail_after(PATIENCE):
        async with (
            Runtime(model, served=True, store=store) as runtime,
            runtime.session(conversation) as session,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(listen, session)
            session.push("When does the train to Bath leave?")
            await speak(session)
            while "three." not in SAID or session.undelivered or session.unsettled:
                await anyio.sleep(0.1)
            session.end("told")


SAID: list[str] = []


async def listen(session: Session) -> None:
    async for turn in session:
        SAID.extend(turn.text.split())
        if turn.text:
            session.played(turn)


async def speak(session: Session) -> None:
    """A word a beat."""
    until = None
    while until is None or anyio.current_time() < until:
        if until is None and session.undelivered:
            until = anyio.current_time() + GOES_ON_SPEAKING
        session.push(TextChunk("well ", typed=False))
        await anyio.sleep(0.2)


if __name__ == "__main__":
    with exporting(sys.argv[3], "counterpoint-host"):
        anyio.run(main, sys.argv[1], sys.argv[2])
