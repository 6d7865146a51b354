"""The same with real weights: SmolLM2-135M-Instruct on the local engine."""

import anyio.to_thread
import pytest
from instruct_talk import Talk, joined, offer

from counterpoint.engines.load import EngineOptions, load_engine
from counterpoint.engines.torch_engine import LocalEngine
from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.engines.prompt import system_prompt
from counterpoint.interaction.engines.settings import Delegating, Settings, Telling
from counterpoint.interaction.model import Start
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import Unheard
from counterpoint.shared_context.expressed import Boundary, Delegate, Expressed, Yield
from counterpoint.shared_context.ids import Beat, ConversationId, SessionId

pytestmark = pytest.mark.real

GUIDE = "You are the friendly guide of a railway station."
TRAIN = "The 10:14 leaves from platform 3, and it is on time."


class Counting:
    """A local engine that counts what it computes, as `Talk` wants it."""

    def __init__(self, engine: LocalEngine) -> None:
        self.engine = engine
        self.capabilities = engine.capabilities
        self.tokenizer = engine.tokenizer
        self.sessions = []

    @property
    def computed(self) -> int:
        return sum(session.length for session in self.sessions)

    async def open(self):
        self.sessions.append(await self.engine.open())
        return self.sessions[-1]

    async def aclose(self) -> None:
        await self.engine.aclose()


async def real_talk(settings: Settings | None = None, *, max_length: int | None = None, **start: object) -> Talk:
    engine = await anyio.to_thread.run_sync(load_engine, "smollm2", EngineOptions(max_length=max_length))
    counting = Counting(engine)
    model = InstructInteraction(counting, settings or Settings(), engine.chat)
    begin = Start(ConversationId("c"), SessionId("s"), instructions=GUIDE, **start)  # type: ignore[arg-type]
    agent = Talk(counting, await model.open(begin))  # type: ignore[arg-type]
    await agent.until_idle()
    return agent


def context_of(agent: Talk) -> str:
    session = agent.engine.sessions[-1]
    return agent.engine.tokenizer.decode(session.tokens)


async def test_small_talk_is_made_at_the_pace_of_speech() -> None:
    agent = await real_talk()
    first = await agent.step("Hi! How are you today?")
    assert first.text
    turns = [first, *await agent.until_quiet()]
    speaking = [turn for turn in turns if turn.boundary is not Boundary.END]
    words = len(joined(turns).split())
    assert words >= 3
    assert words <= 0.55 * (len(speaking) + 1) + 1
    assert all("<" not in turn.text for turn in turns)
    context = context_of(agent)
    assert context.endswith(f"<|im_start|>assistant\n{joined(turns)}<|im_end|>\n")
    await agent.stream.aclose()


async def test_a_question_is_delegated_and_its_result_told_verbatim_in_the_middle_of_speech() -> None:
    agent = await real_talk()
    turn = await agent.step("When does the next train to Bern leave?")
    assert turn.actions == (Delegate("When does the next train to Bern leave?"),)
    await agent.until_quiet()
    await agent.step("I had a very long day, you know.")
    await agent.beats(6)
    told = offer(TRAIN)
    turn = await agent.step(offers=[told])
    assert turn.text.strip() == "The"
    await agent.until_quiet()
    assert agent.voiced(told.note) == TRAIN
    assert f"assistant\n{TRAIN}<|im_end|>" in context_of(agent)
    await agent.stream.aclose()


async def test_a_barge_in_leaves_what_was_said_in_the_context_and_no_more() -> None:
    agent = await real_talk()
    await agent.step("Tell me a story about a fox.")
    await agent.beats(8)
    turn = await agent.step(TextChunk("wait", done=False))
    assert turn.actions == (Yield(),)
    assert f"assistant\n{agent.said}<|im_end|>\n" in context_of(agent)
    await agent.stream.aclose()


async def test_words_that_were_never_played_are_taken_back_from_the_real_sequence() -> None:
    agent = await real_talk(greeting="Welcome to the station.")
    await agent.until_quiet()
    await agent.step(unheard=Unheard(Beat(2), " station."))
    await agent.beats(2)
    assert context_of(agent).endswith("assistant\nWelcome to the<|im_end|>\n")
    await agent.stream.aclose()


async def test_a_real_conversation_rolls_over_and_goes_on() -> None:
    settings = Settings(delegate=Delegating.NEVER, prefill_tokens=16, decode_tokens=6, utterance_tokens=24)
    agent = await real_talk(settings, max_length=320)
    for number in range(7):
        await agent.step(f"I have been to platform number {number}.")
        await agent.until_quiet()
    assert len(agent.engine.sessions) >= 2
    assert max(agent.costs) <= settings.beat_tokens
    context = context_of(agent)
    assert GUIDE in context
    assert "platform number 6." in context
    await agent.stream.aclose()


async def test_a_chunked_conversation_is_the_same_sequence_as_one_that_is_rendered_at_once() -> None:
    agent = await real_talk()
    for key in "How are you ":
        await agent.step(TextChunk(key, done=False))
    await agent.step("today, my friend?")
    await agent.until_quiet()
    stream = agent.stream
    start = Start(ConversationId("c"), SessionId("s"), instructions=GUIDE)
    whole = stream._context.render(stream._dialogue, system_prompt(start, Delegating.QUESTIONS))
    assert agent.engine.tokenizer.decode(whole) == context_of(agent)
    assert list(agent.engine.sessions[-1].tokens) == whole
    await stream.aclose()


async def test_a_note_told_by_the_model_itself_is_voiced_when_it_has_ended() -> None:
    agent = await real_talk(Settings(notes=Telling.CONTEXT, utterance_tokens=40))
    told = offer(TRAIN)
    await agent.step(offers=[told])
    turns: list[Expressed] = await agent.until_quiet()
    assert joined(agent.turns).strip()
    last = next(turn for turn in reversed(turns) if turn.text)
    assert last.voiced[-1].end == len(TRAIN)
    await agent.stream.aclose()


def test_the_interaction_model_is_loaded_by_name() -> None:
    model = load_interaction("local:smollm2")
    assert model.capabilities.name == "smollm2"
