"""llama.cpp's server with real weights, over HTTP: what a served model gets from us, and what the server sees of it.

`make test-llama-cpp` installs it; without it these tests fail.
"""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import pytest
from chat_server import free_port
from served_model import (
    QUESTION,
    STORY,
    listen,
    look_up_and_tell,
    metric,
    package,
    steps,
    timetable,
    until,
    until_it_answers,
)

from counterpoint.background.engines.chat import ChatBackground
from counterpoint.background.engines.chat_prompt import Calling, ChatSettings
from counterpoint.background.model import Answer, Call, Observation, Say, Usage
from counterpoint.engines.http.address import address_of
from counterpoint.engines.http.deltas import Text
from counterpoint.engines.http.faults import ServerFault
from counterpoint.engines.http.request import Message, Request
from counterpoint.engines.http.server import ChatServer
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.chat import ChatInteraction
from counterpoint.interaction.engines.settings import Delegating, Settings
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import TextChunk

pytestmark = [pytest.mark.real, pytest.mark.llama_cpp]

CONTEXT = 2_048
START_SECONDS = 60
RUNNING = "llamacpp:requests_processing"
REQUIRED = ChatSettings(tools=Calling.REQUIRED, answer_tokens=100, temperature=0.0)


@contextmanager
def server(log: Path, *options: str) -> Generator[tuple[str, subprocess.Popen[bytes]], None, None]:
    port = free_port()
    command = [sys.executable, str(Path(__file__).parent / "llama_server.py"), str(port), *options]
    with log.open("w") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, env=dict(os.environ)
        )
        try:
            anyio.run(until_it_answers, f"http://127.0.0.1:{port}/health", process, log, START_SECONDS)
            yield f"http://127.0.0.1:{port}/v1", process
        finally:
            process.kill()
            process.wait(30)
            assert process.stdin is not None
            process.stdin.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str, None, None]:
    """Its chat template knows of tools."""
    with server(tmp_path_factory.mktemp("llama_cpp") / "log", "tools") as (url, _):
        yield url


@pytest.fixture(scope="module")
def plain_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str, None, None]:
    """With the template that came with the model."""
    with server(tmp_path_factory.mktemp("llama_cpp") / "log") as (url, _):
        yield url


async def test_the_model_is_known_by_name_and_a_wrong_name_says_which_there_are(url):
    await ChatBackground(f"{url}#smollm2").check()
    with pytest.raises(ConfigurationError, match="has no model 'gpt'; it has: smollm2"):
        await ChatBackground(f"{url}#gpt").check()


async def test_without_a_name_its_only_model_answers_by_the_sentence_and_counts(plain_url):
    model = ChatBackground(plain_url, settings=ChatSettings(answer_tokens=40, temperature=0.0))
    made = await steps(model, package("Name three colours of trains."))
    said = [step.text for step in made if isinstance(step, Say)]
    assert made[-1] == Answer(" ".join(said))
    assert said
    (usage,) = [step for step in made if isinstance(step, Usage)]
    assert usage.read > 50
    assert 0 < usage.written <= 40


@pytest.mark.parametrize("template", ["url", "plain_url"])
async def test_a_required_call_is_valid_even_from_the_smallest_model_whatever_its_template(template, request):
    model = ChatBackground(f"{request.getfixturevalue(template)}#smollm2", settings=REQUIRED)
    asked = package(QUESTION)
    made = await steps(model, asked, [timetable.schema])
    (call,) = [step for step in made if isinstance(step, Call)]
    assert call.tool == "timetable"
    assert set(msgspec.json.decode(call.arguments)) == {"station"}
    assert not [step for step in made if isinstance(step, Say)]
    found = [Observation("The next train leaves at 10:14 from platform 3.", call)]
    *_, answer = await steps(model, asked, [timetable.schema], found)
    assert isinstance(answer, Answer)  # whatever so small a model makes of it: the server took its call and the result


async def test_closing_the_stream_stops_the_server(plain_url):
    model = ChatBackground(f"{plain_url}#smollm2", settings=ChatSettings(answer_tokens=500, temperature=1.5))
    async with aclosing(model.think(package("Write down all that you know of the sea."), (), ())) as thinking:
        async for _ in thinking:
            assert await metric(plain_url, RUNNING) == 1
            break
    await until(plain_url, RUNNING, 0)


async def test_a_package_that_is_larger_than_the_context_is_made_to_fit(plain_url):
    words = tuple(f"I told you about train {number} and its {number} cars, didn't I?" for number in range(150))
    for told in (True, False):
        model = ChatBackground(f"{plain_url}#smollm2", settings=ChatSettings(answer_tokens=20))
        model._server._looked_up = not told  # as if it had a /v1/models without a length: then its refusal tells
        (usage,) = [step for step in await steps(model, package("Which train?", words)) if isinstance(step, Usage)]
        assert 300 < usage.read < CONTEXT - 20
        assert model._server._quirks.max_length == CONTEXT


async def test_it_talks_and_is_interrupted_and_the_server_stops(plain_url):
    settings = Settings(delegate=Delegating.NEVER, decode_tokens=64, utterance_tokens=150)
    said: list[str] = []
    async with Runtime(ChatInteraction(f"{plain_url}#smollm2", settings=settings)).session() as session:
        session.push(STORY)
        with anyio.fail_after(60):
            await listen(session, said, lambda _: sum(map(bool, said)) > 4)
            session.push(TextChunk("wait, what", done=False))
            await listen(session, [], lambda turn: turn.flush)
        await until(plain_url, RUNNING, 0)
    assert len("".join(said).split()) >= 4


async def test_a_question_is_looked_up_with_a_tool_and_the_answer_is_woven_into_speech(plain_url):
    """Both models are the same served one."""
    interaction = ChatInteraction(f"{plain_url}#smollm2", settings=Settings(decode_tokens=64))
    await look_up_and_tell(
        Runtime(interaction, ChatBackground(f"{plain_url}#smollm2", settings=REQUIRED), tools=[timetable])
    )


@pytest.fixture
def mortal(tmp_path: Path) -> Generator[tuple[str, subprocess.Popen[bytes]], None, None]:
    with server(tmp_path / "log") as running:
        yield running


async def test_a_server_that_dies_in_the_middle_of_an_answer_is_a_clear_failure(mortal):
    url, process = mortal
    model = ChatServer(address_of(f"{url}#smollm2"))
    request = Request((Message("user", STORY),), 500, temperature=0.0)
    with pytest.raises(ServerFault, match=r"smollm2 at .* broke off"):
        async with aclosing(model.ask(lambda _: request, seconds=5.0)) as deltas:
            async for delta in deltas:
                if isinstance(delta, Text):
                    process.kill()
    await anyio.to_thread.run_sync(process.wait)
    with pytest.raises(ServerFault, match="cannot be reached"):
        await model.check()
