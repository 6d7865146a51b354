"""`vllm serve` with real weights, over HTTP: what a served model gets from us, and what the server sees of it."""

import re
from contextlib import aclosing
from typing import Annotated

import anyio
import httpx
import msgspec
import pytest
from vllm_server import CONTEXT

from counterpoint.background.engines.chat import ChatBackground
from counterpoint.background.engines.chat_prompt import Calling, ChatSettings
from counterpoint.background.model import Answer, Call, Observation, Say, Usage
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.chat import ChatInteraction
from counterpoint.interaction.engines.settings import Delegating, Settings
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import Asked, NoteLaid, Settled, ToolCalled, ToolReturned
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, Position
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.package import ContextPackage, Speaker, Utterance, Work
from counterpoint.tools.definition import tool

pytestmark = pytest.mark.real


async def metric(url: str, name: str) -> float:
    async with httpx.AsyncClient(trust_env=False) as client:
        text = (await client.get(url.replace("/v1", "/metrics"))).text
    found = re.search(rf"^vllm:{name}{{[^}}]*}} (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found.group(1))


async def until_running(url: str, count: int) -> None:
    with anyio.fail_after(30):
        while await metric(url, "num_requests_running") != count:
            await anyio.sleep(0.05)


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


async def steps(model: ChatBackground, about: ContextPackage, tools=(), observations=()):
    async with aclosing(model.think(about, tools, observations)) as thinking:
        return [step async for step in thinking]


async def test_the_model_is_known_by_name_and_a_wrong_name_says_which_there_are(url):
    await ChatBackground(f"{url}#smollm2").check()
    with pytest.raises(ConfigurationError, match="has no model 'gpt'; it has: smollm2"):
        await ChatBackground(f"{url}#gpt").check()
    with pytest.raises(ConfigurationError, match="has no model 'gpt'; it has: smollm2"):
        await steps(ChatBackground(f"{url}#gpt"), package("Hello?"))


async def test_without_a_name_its_only_model_answers_by_the_sentence_and_counts(url):
    model = ChatBackground(url, settings=ChatSettings(answer_tokens=60, temperature=0.0))
    made = await steps(model, package("Name three colours of trains."))
    said = [step.text for step in made if isinstance(step, Say)]
    assert made[-1] == Answer(" ".join(said))
    assert said
    (usage,) = [step for step in made if isinstance(step, Usage)]
    assert usage.read > 50
    assert 0 < usage.written <= 60


async def test_a_required_call_is_valid_even_from_the_smallest_model(url):
    model = ChatBackground(f"{url}#smollm2", settings=ChatSettings(tools=Calling.REQUIRED, temperature=0.0))
    asked = package("When does the next train leave from Ystad?")
    made = await steps(model, asked, [timetable.schema])
    calls = [step for step in made if isinstance(step, Call)]
    assert calls
    assert all(call.tool == "timetable" for call in calls)
    assert set(msgspec.json.decode(calls[0].arguments)) == {"station"}
    found = [Observation("The next train leaves at 10:14 from platform 3.", calls[0])]
    *_, answer = await steps(model, asked, [timetable.schema], found)
    assert isinstance(answer, Answer)  # whatever so small a model makes of it: the server took its call and the result


async def test_closing_the_stream_stops_the_server(url):
    model = ChatBackground(f"{url}#smollm2", settings=ChatSettings(answer_tokens=500, temperature=1.5))
    async with aclosing(model.think(package("Write down all that you know of the sea."), (), ())) as thinking:
        async for _ in thinking:
            assert await metric(url, "num_requests_running") == 1
            break
    await until_running(url, 0)
    before = await metric(url, "generation_tokens_total")
    await anyio.sleep(0.5)
    assert await metric(url, "generation_tokens_total") == before


async def test_a_package_that_is_larger_than_the_context_is_made_to_fit(url):
    words = tuple(f"I told you about train {number} and its {number} cars, didn't I?" for number in range(300))
    model = ChatBackground(f"{url}#smollm2", settings=ChatSettings(answer_tokens=20))
    (usage,) = [step for step in await steps(model, package("Which train?", words)) if isinstance(step, Usage)]
    assert 300 < usage.read < CONTEXT - 20


async def test_a_server_that_does_not_tell_its_context_says_so_when_it_is_too_much(url):
    words = tuple(f"I told you about train {number} and its {number} cars, didn't I?" for number in range(300))
    model = ChatBackground(f"{url}#smollm2", settings=ChatSettings(answer_tokens=20))
    model._server._looked_up = True  # as if it had a /v1/models without a length
    assert model._server._quirks.max_length is None
    (usage,) = [step for step in await steps(model, package("Which train?", words)) if isinstance(step, Usage)]
    assert usage.read < CONTEXT
    assert model._server._quirks.max_length == CONTEXT


async def listen(session, said: list[str], until) -> None:
    async for turn in session:
        said.append(turn.text)
        if turn.text:
            session.played(turn)
        if until(turn):
            return


async def test_it_talks_and_is_interrupted_and_the_server_stops(url):
    settings = Settings(delegate=Delegating.NEVER, decode_tokens=64, utterance_tokens=150)
    said: list[str] = []
    async with Runtime(ChatInteraction(f"{url}#smollm2", settings=settings)).session() as session:
        session.push("Tell me a long story about a fox and a river.")
        with anyio.fail_after(60):
            await listen(session, said, lambda _: len(said) > 3 and sum(map(bool, said)) > 6)
            assert await metric(url, "num_requests_running") == 1
            session.push(TextChunk("wait, what", done=False))
            await listen(session, [], lambda turn: turn.flush)
        await until_running(url, 0)
    assert len("".join(said).split()) >= 6


async def test_a_question_is_looked_up_with_a_tool_and_the_answer_is_woven_into_speech(url):
    """Both models are the same served one."""
    interaction = ChatInteraction(f"{url}#smollm2", settings=Settings(decode_tokens=64))
    background = ChatBackground(
        f"{url}#smollm2", settings=ChatSettings(tools=Calling.REQUIRED, answer_tokens=60, temperature=0.0)
    )
    said: list[str] = []
    runtime = Runtime(interaction, background, tools=[timetable])
    async with runtime.session("c") as session:
        session.push("When does the next train leave from Ystad?")
        with anyio.fail_after(120):
            await listen(session, said, lambda _: not session.unsettled and session.at_rest and len(said) > 10)
        bodies = [stored.entry.body for stored in await runtime.store.read(session.conversation, limit=1_000)]
    assert [body.delegation.request for body in bodies if isinstance(body, Asked)] == [
        "When does the next train leave from Ystad?"
    ]
    assert {body.tool for body in bodies if isinstance(body, ToolCalled)} == {"timetable"}
    assert not any(body.failed for body in bodies if isinstance(body, ToolReturned))
    assert [body.state for body in bodies if isinstance(body, Settled)] == [DelegationState.DONE]
    told = [body.note for body in bodies if isinstance(body, NoteLaid) and body.note.kind is not NoteKind.PROGRESS]
    assert "".join(said).startswith("Let me check. ")
    assert told[0].text in "".join(said)
