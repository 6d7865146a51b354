"""What the tests of real OpenAI-compatible servers share: a request, a tool, a listener, the server's own figures."""

import re
import subprocess
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

import anyio
import httpx
import msgspec

from counterpoint.background.engines.chat import ChatBackground
from counterpoint.background.model import Observation, Step
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import Asked, NoteLaid, Settled, ToolCalled, ToolReturned
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, Position
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.package import ContextPackage, Speaker, Utterance, Work
from counterpoint.tools.definition import tool
from counterpoint.tools.schema import ToolSchema

QUESTION = "When does the next train leave from Ystad?"
STORY = "Tell me a long story about a fox and a river."


@tool
async def timetable(station: Annotated[str, msgspec.Meta(max_length=24)]) -> str:
    """Trains that leave a station."""
    return "The next train leaves at 10:14 from platform 3."


def package(request: str, words: tuple[str, ...] = ()) -> ContextPackage:
    delegation = Delegation(DelegationId("d"), ConversationId("c"), request)
    work = Work(delegation, DelegationState.TAKEN, Beat(1))
    said = tuple(Utterance(Speaker.PERSON, Beat(at), Beat(at), text) for at, text in enumerate(words))
    return ContextPackage(
        ConversationId("c"), Position(1), Beat(9), utterances=said, work=(work,), delegation=delegation.id
    )


async def steps(
    model: ChatBackground,
    about: ContextPackage,
    tools: Sequence[ToolSchema] = (),
    observations: Sequence[Observation] = (),
) -> list[Step]:
    async with aclosing(model.think(about, tools, observations)) as thinking:
        return [step async for step in thinking]


async def listen(session: Session, said: list[str], until: Callable[[MicroTurn], bool]) -> None:
    async for turn in session:
        said.append(turn.text)
        if turn.text:
            session.played(turn)
        if until(turn):
            return


async def look_up_and_tell(runtime: Runtime) -> str:
    """Asks QUESTION; what was said, once a tool was called, the work done, and what it found woven into speech."""
    said: list[str] = []
    async with runtime.session("c") as session:
        session.push(QUESTION)
        with anyio.fail_after(120):
            await listen(session, said, lambda _: not session.unsettled and session.at_rest and len(said) > 10)
        bodies = [stored.entry.body for stored in await runtime.store.read(session.conversation, limit=1_000)]
    assert [body.delegation.request for body in bodies if isinstance(body, Asked)] == [QUESTION]
    assert {body.tool for body in bodies if isinstance(body, ToolCalled)} == {"timetable"}
    assert not any(body.failed for body in bodies if isinstance(body, ToolReturned))
    assert [body.state for body in bodies if isinstance(body, Settled)] == [DelegationState.DONE]
    told = [body.note for body in bodies if isinstance(body, NoteLaid) and body.note.kind is not NoteKind.PROGRESS]
    assert told[0].text in "".join(said)
    return "".join(said)


async def metric(url: str, name: str) -> float:
    """A figure of the server's /metrics, by its Prometheus name."""
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(url.replace("/v1", "/metrics"))).text
    found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found.group(1))


async def until(url: str, name: str, value: float) -> None:
    with anyio.fail_after(30):
        while await metric(url, name) != value:
            await anyio.sleep(0.05)


async def until_it_answers(address: str, server: "subprocess.Popen[bytes]", log: Path, seconds: float) -> None:
    with anyio.fail_after(seconds):
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                assert server.poll() is None, await anyio.Path(log).read_text()
                try:
                    if (await client.get(address)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await anyio.sleep(0.2)
