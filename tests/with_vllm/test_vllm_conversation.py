"""A conversation in which both models live in one vLLM engine, with real weights."""

from collections.abc import Callable
from functools import partial

import anyio
import anyio.to_thread
import pytest
import pytest_asyncio
from core_process import children, kill_core

from counterpoint import Runtime, Session
from counterpoint.background.engines.load import load_background
from counterpoint.background.engines.local import LocalBackground
from counterpoint.background.model import BackgroundModel
from counterpoint.engines.vllm_engine import BACKGROUND, VllmEngine
from counterpoint.engines.vllm_session import VllmSession
from counterpoint.errors import ConfigurationError, EngineFull
from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.engines.settings import Delegating, Settings
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Body, Failed, Settled, Taken
from counterpoint.shared_context.expressed import Delegate
from counterpoint.shared_context.ids import ConversationId
from counterpoint.testing import ScriptedInteraction, delegate, say
from counterpoint.tools.definition import Tool
from counterpoint.tools.search import documents

pytestmark = [
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="session"),
]

GUIDE = "You are the guide of a railway station."
QUIET = Settings(delegate=Delegating.NEVER, utterance_tokens=16)
ROLLING = Settings(delegate=Delegating.NEVER, utterance_tokens=16, context_tokens=320, prefill_tokens=16)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def background(model) -> BackgroundModel:
    loaded = await anyio.to_thread.run_sync(load_background, "vllm:smollm2")
    assert loaded._engine is model._engine
    return loaded


@pytest_asyncio.fixture(loop_scope="session")
async def timetable(tmp_path) -> Tool:
    await anyio.to_thread.run_sync(
        (tmp_path / "station.md").write_text, "# Trains\n\nThe next train to Bern leaves at 10:14 from platform 3.\n"
    )
    return documents(tmp_path)


async def test_a_question_is_delegated_searched_for_and_told(model, background, timetable):
    """One session of the engine listens, another reads what the search found; the result is woven into speech."""
    runtime = Runtime(interaction=model, background=background, tools=[timetable])
    called, heard = False, ""
    with anyio.fail_after(150):
        async with runtime.session(instructions=GUIDE) as session:
            session.push("When does the next train to Bern leave?")
            async for turn in session:
                session.played(turn)
                called = called or any(isinstance(action, Delegate) for action in turn.actions)
                heard += turn.text
                if "10:14" in heard:
                    break
    assert called


async def test_another_conversation_than_fits_is_refused_and_the_engine_goes_on(model, vllm):
    held = [await vllm.open() for _ in range(vllm.max_sessions)]
    with pytest.raises(EngineFull, match=str(vllm.max_sessions)):
        await vllm.open()
    for session in held:
        await session.aclose()
    async with Runtime(interaction=model).session() as session:
        async for _ in session:
            break


async def test_two_conversations_at_once_on_one_engine_do_not_hear_each_other(vllm):
    said: dict[str, str] = {}
    sequences: dict[str, str] = {}

    async def converse(about: str) -> None:
        watched = Watched(vllm)
        async with Runtime(watched.model(QUIET)).session(about, instructions=GUIDE) as session:
            session.push(f"Tell me a story about a {about}.")
            said[about] = await answer(session)
        sequences[about] = watched.text(watched.sessions[-1])

    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(converse, "fox")
            tasks.start_soon(converse, "ship")
    for about, other in (("fox", "ship"), ("ship", "fox")):
        assert f"a story about a {about}" in sequences[about]
        assert f"a story about a {other}" not in sequences[about]
        assert said[about].strip() in sequences[about]


async def test_a_conversation_rolls_over_within_the_engine_and_goes_on(vllm):
    watched = Watched(vllm)
    runtime = Runtime(watched.model(ROLLING))
    number = 0
    with anyio.fail_after(200):
        async with runtime.session("rolling", instructions=GUIDE) as session:
            while len(watched.sessions) < 2 or not watched.sessions[0].closed:
                number += 1
                session.push(f"I have been to platform number {number}.")
                await answer(session)
            session.push("And now I am tired.")
            last = await answer(session)
    successor = watched.text(watched.sessions[-1])
    assert GUIDE in successor
    assert f"platform number {number}." in successor
    assert last.strip() in successor
    assert all(each.closed for each in watched.sessions)
    assert not [body for body in await bodies(runtime, "rolling") if isinstance(body, Failed)]


async def test_a_core_that_dies_in_a_conversation_is_started_again_and_the_person_is_answered(vllm):
    """The new core's sequence is built from the log: it holds what was said before, and the line that came since."""
    watched = Watched(vllm)
    runtime = Runtime(watched.model(QUIET))
    with anyio.fail_after(200):
        async with runtime.session("shot", instructions=GUIDE) as session:
            session.push("My name is Ferdinand.")
            before = await answer(session)
            await anyio.to_thread.run_sync(kill_core)
            session.push("What a lovely morning it is.")
            after = await answer(session)
    assert [body for body in await bodies(runtime, "shot") if isinstance(body, Failed)]
    whole = watched.text(watched.sessions[-1])
    assert whole.index("My name is Ferdinand.") < whole.index(before.strip()) < whole.index("What a lovely morning")
    assert whole.index("What a lovely morning") < whole.index(after.strip())


async def test_a_delegation_in_flight_when_the_core_dies_is_answered_by_the_next_core(vllm, background, timetable):
    """Both models stand on the one engine that is killed while the background is writing."""
    watched = Watched(vllm)
    runtime = Runtime(watched.model(Settings()), background, tools=[timetable])
    with anyio.fail_after(200):
        async with runtime.session("in flight", instructions=GUIDE) as session:
            session.push("When does the next train to Bern leave?")
            await until(lambda: computing(vllm))
            before = children()
            await anyio.to_thread.run_sync(kill_core)
            heard = await answer(session, until=lambda heard: "10:14" in heard)
            assert children() != before
            session.push("Thank you. I am glad.")
            assert (await answer(session)).strip()
    assert heard.count("10:14") == 1
    log = await bodies(runtime, "in flight")
    assert [body.state for body in log if isinstance(body, Settled)] == [DelegationState.DONE]
    assert len([body for body in log if isinstance(body, Taken)]) == 1


async def test_a_core_that_cannot_be_started_again_fails_the_delegation_and_the_person_is_told(vllm, monkeypatch):
    """Another model listens here: one that has lost its engine for good would end the conversation."""
    runtime = Runtime(
        ScriptedInteraction(delegate("the next train to Bern", at=2), say("I am still here.", on="Hello?")),
        LocalBackground(vllm, retrieve_first=False),
    )
    with anyio.fail_after(120):
        async with runtime.session("lost") as session:
            await until(lambda: computing(vllm))
            monkeypatch.setattr(vllm._core, "_folder", vllm._core._folder / "nowhere")
            await anyio.to_thread.run_sync(kill_core)
            assert "could not finish" in await answer(session, until=lambda heard: heard.endswith("about it."))
            session.push("Hello?")
            assert "still here" in await answer(session, until=lambda heard: heard.endswith("here."))
    settled = [body for body in await bodies(runtime, "lost") if isinstance(body, Settled)]
    assert [(body.state, body.reason) for body in settled] == [(DelegationState.FAILED, "the background model failed")]


class Watched:
    """The engine, and the streaming sessions that were opened by way of it."""

    def __init__(self, engine: VllmEngine) -> None:
        self._engine = engine
        self.capabilities = engine.capabilities
        self.tokenizer = engine.tokenizer
        self.sessions: list[VllmSession] = []

    def model(self, settings: Settings) -> InstructInteraction:
        return InstructInteraction(self, settings, self._engine.chat)

    def text(self, session: VllmSession) -> str:
        return self.tokenizer.decode(session.tokens)

    async def open(self) -> VllmSession:
        self.sessions.append(await self._engine.open())
        return self.sessions[-1]


async def answer(session: Session, until: Callable[[str], bool] | None = None) -> str:
    """What is said until that, or until nobody has anything more to say. The listener plays it all."""
    said = ""
    async for turn in session:
        session.played(turn)
        said += turn.text
        if until(said) if until else said and not turn.text and session.at_rest:
            break
    return said


def computing(engine: VllmEngine) -> bool:
    """The core is reading or writing for the background."""
    return any(each._priority == BACKGROUND and each._sequence.busy for each in engine._sessions)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await anyio.sleep(0.005)


async def bodies(runtime: Runtime, conversation: str) -> list[Body]:
    return [stored.entry.body for stored in await runtime.store.read(ConversationId(conversation), limit=1_000)]


async def test_a_setting_that_is_not_known_says_which_are():
    wrong = partial(load_interaction, "vllm:smollm2?max_lenght=5")
    with pytest.raises(ConfigurationError, match=r"max_lenght.*max_length.*words_per_beat"):
        await anyio.to_thread.run_sync(wrong)
