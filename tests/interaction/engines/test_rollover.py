"""A conversation longer than the model's context goes on in a new streaming session, and nobody notices."""

import pytest
from instruct_talk import ScriptedEngine, Talk, offer, talk

from counterpoint.errors import ConfigurationError, EngineFull, ModelFailed
from counterpoint.interaction.engines.rollover import reserve_of
from counterpoint.interaction.engines.settings import Delegating, Settings
from counterpoint.shared_context.chunks import TextChunk

SMALL = Settings(delegate=Delegating.NEVER, prefill_tokens=12, decode_tokens=6, rollover_tokens=6, utterance_tokens=30)


def parrot(context: str) -> str:
    """Answers with what was said last, so that every answer shows what the model had before it."""
    last = context.rsplit("<|im_start|>user\n", 1)[1].partition("<|im_end|>")[0]
    return f"You said {last}."


async def chat(agent: Talk, turns: int) -> list[str]:
    lines = [f"line number {number}" for number in range(turns)]
    for line in lines:
        await agent.step(line)
        await agent.until_quiet()
    return lines


async def test_a_long_conversation_rolls_over_and_every_line_is_answered_in_order() -> None:
    engine = ScriptedEngine(parrot, max_length=600)
    agent = await talk(engine, SMALL)
    lines = await chat(agent, 60)
    assert agent.said == " ".join(f"You said {line}." for line in lines)
    assert len(engine.sessions) > 3
    assert engine.open_sessions == 1
    assert all(session.length <= 600 for session in engine.sessions)


async def test_no_step_costs_more_than_a_beats_tokens() -> None:
    agent = await talk(ScriptedEngine(parrot, max_length=600), SMALL)
    await chat(agent, 60)
    assert max(agent.costs) <= SMALL.beat_tokens


async def test_the_new_session_knows_the_instructions_the_recent_turns_and_an_account_of_the_rest() -> None:
    engine = ScriptedEngine(parrot, max_length=600)
    agent = await talk(engine, SMALL, instructions="Be the guide.")
    number = 0
    while len(engine.sessions) < 4:
        await agent.step(f"line number {number}")
        await agent.until_quiet()
        number += 1
    await agent.until_quiet()
    context = agent.context
    assert context.startswith("<|im_start|>system\nBe the guide.")
    assert f"user\nline number {number - 1}<|im_end|>" in context
    assert f"assistant\nYou said line number {number - 1}.<|im_end|>" in context
    assert "Earlier in this conversation:" in context
    assert "Person: line number" in context
    assert context.count("<|im_start|>") == context.count("<|im_end|>")


async def test_a_long_note_rolls_over_between_its_clauses_and_is_voiced_whole() -> None:
    engine = ScriptedEngine(max_length=400)
    agent = await talk(engine, SMALL)
    told = offer("one two three, " * 200)
    await agent.step(offers=[told])
    await agent.until_quiet(limit=3000)
    assert agent.said == told.note.text
    assert agent.voiced(told.note) == told.note.text
    assert len(engine.sessions) > 3
    assert max(agent.costs) <= SMALL.beat_tokens
    speaking = [turn for turn in agent.turns if turn.floor is not None]
    assert len(speaking) == pytest.approx(600 / SMALL.words_per_beat, rel=0.01)


async def test_a_note_without_a_single_clause_rolls_over_as_well() -> None:
    engine = ScriptedEngine(max_length=400)
    agent = await talk(engine, SMALL)
    told = offer("one two three " * 200)
    await agent.step(offers=[told])
    await agent.until_quiet(limit=3000)
    assert agent.said == told.note.text
    assert len(engine.sessions) >= 3


async def test_the_session_is_never_changed_while_the_model_is_speaking() -> None:
    engine = ScriptedEngine("word " * 25, parrot, max_length=500)
    seen: list[int] = []
    agent = await talk(engine, SMALL)
    for number in range(40):
        await agent.step(f"line number {number}")
        while agent.stream._speaking.current is not None:
            seen.append(id(agent.stream._context.session))
            await agent.step()
            if agent.stream._speaking.current is not None and agent.stream._speaking.running:
                assert id(agent.stream._context.session) == seen[-1]
    assert len(engine.sessions) > 2


async def test_a_person_who_pastes_page_after_page_is_heard_to_the_end() -> None:
    engine = ScriptedEngine(parrot, max_length=600)
    agent = await talk(engine, SMALL)
    for number in range(20):
        await agent.step(f"page {number} " + "some words here " * 300 + f"end {number}")
    await agent.until_quiet(limit=3000)
    assert "end 19<|im_end|>" in agent.context
    assert agent.said.startswith("You said page 19 some words")
    assert max(agent.costs) <= SMALL.beat_tokens
    assert all(session.length <= 600 for session in engine.sessions)


async def test_what_is_typed_during_the_change_is_in_the_new_session() -> None:
    engine = ScriptedEngine(parrot, max_length=600)
    agent = await talk(engine, SMALL)
    changing = False
    for number in range(100):
        for word in ("number ", f"{number} ", "was ", "typed ", "slow"):
            await agent.step(TextChunk(word, done=False))
            changing = changing or agent.stream._context.mirror is not None
        await agent.step(TextChunk("ly"))
        await agent.until_quiet()
        assert f"user\nnumber {number} was typed slowly<|im_end|>" in agent.context
        if changing:
            break
    assert changing
    assert len(engine.sessions) >= 2
    assert engine.open_sessions == 1
    assert agent.said.endswith(f"You said number {number} was typed slowly.")


async def test_an_engine_without_room_for_two_gives_up_the_full_session_first() -> None:
    engine = ScriptedEngine(parrot, max_length=600, room=1)
    agent = await talk(engine, SMALL)
    lines = await chat(agent, 60)
    assert agent.said.endswith(f"You said {lines[-1]}.")
    assert len(engine.sessions) > 2
    assert max(agent.costs) <= SMALL.beat_tokens


async def test_closing_in_the_middle_of_a_change_frees_both_sessions() -> None:
    engine = ScriptedEngine(parrot, max_length=600)
    agent = await talk(engine, SMALL)
    number = 0
    while engine.open_sessions < 2:
        await agent.step(*([f"line number {number}"] if agent.beat % 20 == 0 else []))
        number += 1
    await agent.stream.aclose()
    assert engine.open_sessions == 0


async def test_a_new_session_that_cannot_be_opened_at_all_is_a_failed_model() -> None:
    engine = ScriptedEngine(parrot, max_length=600)
    agent = await talk(engine, SMALL)

    async def full() -> None:
        raise EngineFull("no room")

    engine.open = full  # type: ignore[method-assign,assignment]
    with pytest.raises(ModelFailed, match="no room"):
        await chat(agent, 60)


def test_the_reserve_fits_the_context_or_says_so() -> None:
    reserve = reserve_of(8192, 40, 200)
    assert reserve.target < reserve.soft < reserve.hard < 8192
    with pytest.raises(ConfigurationError):
        reserve_of(8192, 40, 2000)
    with pytest.raises(ConfigurationError):
        reserve_of(128, 40, 10)
