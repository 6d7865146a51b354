"""A background model on real weights, at work for a real worker."""

from contextlib import aclosing

import anyio
import anyio.lowlevel
import pytest

from counterpoint.background.engines.load import load_background
from counterpoint.background.engines.local import SMALL, LocalBackground
from counterpoint.background.model import Answer, Call, Observation, Say, Usage
from counterpoint.engines.turnstile import Lane
from counterpoint.errors import ModelFailed
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import ToolCalled
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, Position
from counterpoint.shared_context.notes import Source
from counterpoint.shared_context.package import ContextPackage, Work
from counterpoint.tools.definition import tool
from counterpoint.tools.passage_table import Passage

pytestmark = pytest.mark.real

FERRIES = Passage("In winter the ferry to Ystad leaves at ten in the morning.", Source("ferries.md", "Ferries"))


@tool
async def search(query: str):
    """Search the documents."""
    if "ferry" in query:
        yield FERRIES


@tool
async def departures(station: str) -> str:
    """Trains that leave a station."""
    return station


def package(request):
    delegation = Delegation(DelegationId("d"), ConversationId("c"), request)
    work = Work(delegation, DelegationState.TAKEN, Beat(1))
    return ContextPackage(ConversationId("c"), Position(1), Beat(9), work=(work,), delegation=delegation.id)


async def steps(model, request, tools=(), observations=()):
    return [step async for step in model.think(package(request), tools, observations)]


def sessions(engine):
    return [session for session in engine._sessions if not session.closed]


async def test_a_small_model_searches_first_and_says_what_was_found(scene, engine):
    async with scene() as host:
        await host.work(LocalBackground(engine), search, departures)
        await host.ask("When does the ferry leave in winter?")
        with anyio.fail_after(120):
            assert await host.state() is DelegationState.DONE
        assert [call.tool for call in await host.bodies(ToolCalled)] == ["search"]
        told = [text for kind, text in await host.told() if kind in ("partial", "result")]
        results = [note for note in await host.notes() if note.kind.value == "result"]
    assert "ten" in " ".join(told)
    assert [source.place for note in results for source in note.sources] in ([], ["ferries.md"])
    assert sessions(engine) == []


async def test_where_a_small_model_makes_something_up_what_was_found_is_quoted(engine):
    model = LocalBackground(engine)
    question = "What is the ferry's opinion of jazz?"
    (call,) = await steps(model, question, [search.schema])
    found = [Observation('{"text": "The ferry band plays jazz on Sundays.", "title": "Music"}', call)]
    *written, answer = await steps(model, question, [search.schema], found)
    said = [step.text for step in written if isinstance(step, Say)]
    assert all("jazz" in text or "Sunday" in text for text in said)
    assert answer.text == (" ".join(said) or "According to Music: The ferry band plays jazz on Sundays.")


async def test_where_nothing_was_found_the_model_is_not_asked(engine):
    model = LocalBackground(engine)
    (call,) = await steps(model, "Who won the match?", [search.schema])
    for found in (Observation("(no results)", call), Observation('{"text": "Remember the milk."}', call)):
        (answer,) = await steps(model, "Who won the match?", [search.schema], [found])
        assert answer == Answer('I searched, but found nothing about "Who won the match".')


async def test_a_model_that_is_trusted_is_asked_at_once_and_reports_what_it_reads_and_writes(engine):
    model = LocalBackground(engine, retrieve_first=False, answer_tokens=12)
    first, *others, answer = await steps(model, "What is the capital of France?", [departures.schema])
    assert isinstance(first, Usage)
    assert 100 < first.read <= 1024
    written = sum(step.written for step in others if isinstance(step, Usage))
    assert 0 < written <= 12
    assert isinstance(answer, Answer) or any(isinstance(step, Call) for step in others)
    said = [step.text for step in others if isinstance(step, Say)]
    assert not isinstance(answer, Answer) or answer.text == " ".join(said)


async def test_it_lets_go_of_everything_when_the_round_is_stopped(engine):
    model = LocalBackground(engine, retrieve_first=False)
    with anyio.CancelScope() as scope:
        async with aclosing(model.think(package("Tell me a long story about a river."), (), ())) as rounds:
            async for _ in rounds:
                scope.cancel()
                await anyio.lowlevel.checkpoint()
    assert sessions(engine) == []


async def test_it_computes_in_the_background_lane(engine):
    rounds = LocalBackground(engine, retrieve_first=False).think(package("Tell me about the sea."), (), ())
    await anext(rounds)
    assert [session.lane for session in sessions(engine)] == [Lane.BACKGROUND]
    await rounds.aclose()
    assert sessions(engine) == []


async def test_a_request_that_is_longer_than_the_model_can_read_is_a_failure_and_not_cut(engine):
    model = LocalBackground(engine, retrieve_first=False)
    with pytest.raises(ModelFailed, match="too long"):
        await steps(model, "word " * 9000)
    assert sessions(engine) == []


def test_a_small_model_is_known_by_its_weights(engine):
    assert 100_000_000 < engine.capabilities.parameters < SMALL


def test_it_is_loaded_by_name_and_shares_the_weights_of_whoever_has_them():
    model = load_background("local:smollm2")
    assert model.name == "smollm2"
    assert load_background("local:smollm2")._engine is model._engine
