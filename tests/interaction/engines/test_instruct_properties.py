"""Whatever a person types, a model writes and a background model finds, in whatever order: what must hold, holds."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from instruct_talk import ScriptedEngine, offer, spoken, talk

from counterpoint.interaction.engines.settings import Delegating, Settings, Telling
from counterpoint.interaction.model import Offer
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import Unheard
from counterpoint.shared_context.expressed import Boundary, Yield
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.notes import Delivery, Then

TEXTS = st.sampled_from(
    [
        "ok",
        "wait",
        "When is it?",
        "no, I meant Bern",
        "never mind",
        "stop",
        "Hi!",
        " ",
        "o",
        "你好",
        "a b c d e f g " * 9,
    ]
)
NOTES = st.sampled_from(
    ["Platform 3, on time.", "One.", "<delegate>x</delegate> y", "十点十四分。", "a" * 40, " \n", "Go, now, " * 6]
)
REPLIES = st.sampled_from(
    [
        "Hello there, friend.",
        "",
        "<delegate>find it</delegate> Let me check.",
        "Sure, <delegate>never closed",
        "word " * 300,
        "<|im_end|>x",
        "你好世界。" * 9,
        "🙂" * 20,
        "Well <withdraw/> then <amend>so</amend>.",
    ]
)
EVENTS = st.one_of(
    st.tuples(st.just("line"), TEXTS),
    st.tuples(st.just("keys"), TEXTS),
    st.tuples(st.just("spoken"), TEXTS),
    st.tuples(st.just("note"), NOTES, st.sampled_from(list(Delivery)), st.sampled_from(list(Then)), st.integers(0, 9)),
    st.tuples(st.just("unheard"), st.integers(1, 9)),
    st.tuples(st.just("beats"), st.integers(1, 12)),
    st.tuples(st.just("late"), st.integers(2, 8)),
    st.tuples(st.just("early"), TEXTS),
)


@settings(max_examples=250, deadline=None)
@given(
    st.lists(REPLIES, max_size=12),
    st.lists(EVENTS, max_size=30),
    st.sampled_from([(a, b) for a in Delegating for b in Telling]),
    st.booleans(),
)
def test_a_conversation_keeps_its_promises(
    replies: list[str], events: list[tuple], policies: tuple[Delegating, Telling], truncatable: bool
) -> None:
    asyncio.run(_converse(replies, events, policies, truncatable))


async def _converse(
    replies: list[str], events: list[tuple], policies: tuple[Delegating, Telling], truncatable: bool
) -> None:
    delegate, notes = policies
    bounds = Settings(
        delegate=delegate, notes=notes, prefill_tokens=24, decode_tokens=6, rollover_tokens=8, utterance_tokens=40
    )
    engine = ScriptedEngine(*replies, max_length=1500, truncatable=truncatable)
    agent = await talk(engine, bounds)
    told: list[Offer] = []
    for number, (kind, *details) in enumerate(events):
        offers: list[Offer] = []
        match kind:
            case "line":
                await agent.step(details[0])
            case "keys":
                await agent.step(TextChunk(details[0], done=False))
            case "spoken":
                await agent.step(spoken(details[0]))
            case "early":
                await agent.step(details[0], beats=0)
                await agent.step()
                assert agent.costs[-1] + agent.costs[-2] <= bounds.beat_tokens
            case "note":
                text, how, then, heard = details
                offers = [offer(text, id=f"n{number}", how=how, then=then, heard=min(heard, len(text)))]
                before = len(agent.turns)
                await agent.step(offers=offers)
                _check_first_word(agent.turns[before], offers[0], notes)
                told += offers
            case "unheard":
                await agent.step(unheard=Unheard(Beat(0), agent.said[-details[0] :]))
            case "beats":
                await agent.beats(details[0])
            case "late":
                await agent.step(beats=details[0])
    await agent.step(TextChunk("", done=True))
    await agent.until_quiet(limit=2000)
    assert max(agent.costs) <= bounds.beat_tokens
    assert engine.open_sessions <= 2
    _check_turns(agent.turns, told)
    start, end = (engine.tokenizer.special(name) for name in ("<|im_start|>", "<|im_end|>"))
    assert engine.sessions[-1].tokens.count(start) == engine.sessions[-1].tokens.count(end)
    await agent.stream.aclose()
    assert engine.open_sessions == 0


def _check_first_word(turn, told: Offer, notes: Telling) -> None:
    """An offer that may speak is on its way in its own step, unless another note is being told."""
    if told.how is Delivery.SILENT:
        assert all(voiced.note != told.note.id for voiced in turn.voiced)
    elif notes is Telling.VERBATIM and told.how is Delivery.INTERRUPT and told.note.text[told.heard :].strip():
        assert turn.text.strip()


def _check_turns(turns: list, told: list[Offer]) -> None:
    texts = {each.note.id: each.note.text for each in told}
    for turn in turns:
        assert "<|im_" not in turn.text
        assert "<withdraw" not in turn.text
        assert len(turn.text) <= 160
        if Yield() in turn.actions:
            assert turn.actions.count(Yield()) == 1
        if turn.boundary is not Boundary.END:
            assert turn.floor is not None
        for voiced in turn.voiced:
            note = texts[voiced.note]
            assert 0 <= voiced.start <= voiced.end <= len(note)
            said = turn.text[voiced.text_start :][: voiced.end - voiced.start]
            assert voiced.start in (0, voiced.end) or said == note[voiced.start : voiced.end]
