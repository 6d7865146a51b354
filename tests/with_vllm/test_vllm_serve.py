"""`vllm serve` with real weights, over HTTP: what a served model gets from us, and what the server sees of it."""

from contextlib import aclosing

import anyio
import msgspec
import pytest
from served_model import QUESTION, STORY, listen, look_up_and_tell, metric, package, steps, timetable, until
from vllm_server import CONTEXT

from counterpoint.background.engines.chat import ChatBackground
from counterpoint.background.engines.chat_prompt import Calling, ChatSettings
from counterpoint.background.model import Answer, Call, Observation, Say, Usage
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.chat import ChatInteraction
from counterpoint.interaction.engines.settings import Delegating, Settings
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import TextChunk

pytestmark = pytest.mark.real


RUNNING = "vllm:num_requests_running"


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
    asked = package(QUESTION)
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
            assert await metric(url, RUNNING) == 1
            break
    await until(url, RUNNING, 0)
    before = await metric(url, "vllm:generation_tokens_total")
    await anyio.sleep(0.5)
    assert await metric(url, "vllm:generation_tokens_total") == before


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


async def test_it_talks_and_is_interrupted_and_the_server_stops(url):
    settings = Settings(delegate=Delegating.NEVER, decode_tokens=64, utterance_tokens=150)
    said: list[str] = []
    async with Runtime(ChatInteraction(f"{url}#smollm2", settings=settings)).session() as session:
        session.push(STORY)
        with anyio.fail_after(60):
            await listen(session, said, lambda _: len(said) > 3 and sum(map(bool, said)) > 6)
            assert await metric(url, RUNNING) == 1
            session.push(TextChunk("wait, what", done=False))
            await listen(session, [], lambda turn: turn.flush)
        await until(url, RUNNING, 0)
    assert len("".join(said).split()) >= 6


async def test_a_question_is_looked_up_with_a_tool_and_the_answer_is_woven_into_speech(url):
    """Both models are the same served one."""
    interaction = ChatInteraction(f"{url}#smollm2", settings=Settings(decode_tokens=64))
    background = ChatBackground(
        f"{url}#smollm2", settings=ChatSettings(tools=Calling.REQUIRED, answer_tokens=60, temperature=0.0)
    )
    said = await look_up_and_tell(Runtime(interaction, background, tools=[timetable]))
    assert said.startswith("Let me check. ")
