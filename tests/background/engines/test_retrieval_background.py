"""A background model without a language model, at work for a real worker."""

from pathlib import Path

import anyio
import pytest

from counterpoint.background.engines.load import load_background
from counterpoint.background.engines.retrieval import RetrievalBackground
from counterpoint.background.engines.searching import search_call, search_tools
from counterpoint.background.model import Answer, Call, Observation
from counterpoint.errors import ConfigurationError, ToolError
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import ToolCalled
from counterpoint.shared_context.ids import Beat, CallId, ConversationId, Position
from counterpoint.shared_context.notes import Source
from counterpoint.shared_context.package import ContextPackage, Speaker, Utterance
from counterpoint.tools.definition import tool
from counterpoint.tools.passage_table import Passage
from counterpoint.tools.schema import ToolSchema
from counterpoint.tools.search import documents

FERRIES = Passage("In winter the ferry to Ystad leaves at ten.", Source("ferries.md", "Ferries"))
BUSES = Passage("The bus to Ystad leaves at nine.", Source("buses.md", "Buses"))


@tool
async def search(query: str):
    """Search the documents."""
    await anyio.sleep(0.5)
    for passage in (FERRIES, BUSES):
        if "leave" in query:
            yield passage


@tool
async def web_search(q: str, limit: int = 5) -> list[dict[str, str]]:
    """Search the web."""
    return [{"title": "Tides", "url": "https://example.org/tides", "snippet": f"High tide is at noon ({limit})."}]


@tool
async def broken_search(query: str) -> str:
    """Search nothing."""
    raise ToolError("The index is locked.")


@tool
async def departures(station: str) -> str:
    """Trains that leave a station."""
    return station


def package(*utterances):
    return ContextPackage(ConversationId("c"), Position(1), Beat(9), utterances=utterances)


async def steps(model, given, tools=(), observations=()):
    return [step async for step in model.think(given, tools, observations)]


@pytest.mark.virtual
async def test_the_person_gets_a_quoted_sentence_and_its_source(scene):
    async with scene() as host:
        await host.work(RetrievalBackground(), search)
        await host.ask("When does the ferry leave?")
        assert await host.state() is DelegationState.DONE
        (note,) = [note for note in await host.notes() if note.kind.value == "result"]
    assert note.text == "According to Ferries: In winter the ferry to Ystad leaves at ten."
    assert note.sources == (FERRIES.source,)


@pytest.mark.virtual
async def test_a_correction_makes_it_search_anew(scene):
    async with scene() as host:
        await host.work(RetrievalBackground(), search)
        delegation = await host.ask("When does the ferry leave?")
        await host.until(ToolCalled)
        await host.amend(delegation, "No, the bus!")
        assert await host.state() is DelegationState.DONE
        calls, told = await host.bodies(ToolCalled), await host.told()
    assert "the bus" not in calls[0].arguments
    assert "the bus" in calls[-1].arguments
    assert "The bus to Ystad leaves at nine." in told[-1][1]


@pytest.mark.virtual
async def test_where_one_search_finds_nothing_the_next_is_asked(scene):
    async with scene() as host:
        await host.work(RetrievalBackground(), web_search, search, departures)
        await host.ask("When is high tide?")
        await host.settled()
        assert [call.tool for call in await host.bodies(ToolCalled)] == ["search", "web_search"]
        told = await host.told()
    assert told[-1] == ("result", "According to Tides: High tide is at noon (8).")


@pytest.mark.virtual
async def test_that_nothing_was_found_is_said(scene):
    async with scene() as host:
        await host.work(RetrievalBackground(), search)
        await host.ask("Who won the match?")
        await host.settled()
        assert await host.told() == [("result", 'I searched, but found nothing about "Who won the match".')]


@pytest.mark.virtual
async def test_that_a_search_failed_is_said_with_the_reason(scene):
    async with scene() as host:
        await host.work(RetrievalBackground(), broken_search)
        await host.ask("Who won the match?")
        await host.settled()
        assert await host.told() == [("result", "The search did not work: The index is locked.")]


@pytest.mark.virtual
async def test_without_a_search_it_says_that_it_cannot(scene):
    async with scene() as host:
        await host.work(RetrievalBackground(), departures)
        await host.ask("Who won the match?")
        await host.settled()
        told = await host.told()
    assert told == [("result", 'I cannot look things up here, so I have no answer to "Who won the match".')]


@pytest.mark.virtual
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("When does the ferry leave?", "In winter the ferry to Ystad leaves at ten."),
        ("Who won the match?", "Sorry, nothing found."),
    ],
)
async def test_a_voice_with_few_words_gets_the_sentence_and_nothing_around_it(scene, asked: str, told: str):
    async with scene() as host:
        await host.work(load_background("retrieval:brief"), search)
        await host.ask(asked)
        await host.settled()
        assert await host.told() == [("result", told)]


@pytest.mark.real
async def test_it_answers_from_a_real_folder_of_documents(scene, tmp_path: Path):
    (tmp_path / "ferries.md").write_text("# Ferries\n\n## Winter\n\nIn *winter* the ferry leaves at **ten**.\n")
    (tmp_path / "notes.txt").write_text("Remember the milk.\n")
    async with scene() as host:
        await host.work(RetrievalBackground(), documents(tmp_path))
        await host.ask("When does the ferry leave in winter?")
        with anyio.fail_after(20):
            await host.settled()
        told = await host.told()
    assert told == [("result", "According to Ferries: In winter the ferry leaves at ten.")]


async def test_without_a_request_it_searches_for_what_the_person_said_last():
    said = (
        Utterance(Speaker.PERSON, Beat(0), Beat(2), "When does the ferry leave?"),
        Utterance(Speaker.AGENT, Beat(3), Beat(4), "Let me check."),
    )
    (call,) = await steps(RetrievalBackground(), package(*said), [search.schema])
    assert call == search_call(search.schema, "When does the ferry leave?")
    (answer,) = await steps(RetrievalBackground(), package(), [search.schema])
    assert answer == Answer("I was asked to look something up, but not what.")


async def test_a_correction_that_the_package_does_not_know_of_yet_counts():
    (call,) = await steps(RetrievalBackground(), package(), [search.schema], [Observation("the bus to Ystad")])
    assert isinstance(call, Call)
    assert "the bus to Ystad" in call.arguments


@pytest.mark.parametrize(
    ("properties", "arguments"),
    [
        ({"query": {"type": "string"}}, '{"query":"ferries to Ystad"}'),
        ({"limit": {"type": "integer", "maximum": 3}, "q": {"type": "string"}}, '{"limit":3,"q":"ferries to Ystad"}'),
        ({"about": {"type": "string", "maxLength": 7}, "n": {"type": "integer"}}, '{"about":"ferries"}'),
        ({}, '{"query":"ferries to Ystad"}'),
    ],
)
def test_a_search_is_called_by_its_own_parameters(properties, arguments):
    schema = ToolSchema("search", "", {"type": "object", "properties": properties})
    assert search_call(schema, "ferries to Ystad").arguments == arguments


def test_a_long_request_is_cut_to_a_query():
    assert len(search_call(search.schema, "word " * 1000).arguments) < 350


def test_the_tool_that_is_called_search_comes_first():
    schemas = [web_search.schema, departures.schema, search.schema, broken_search.schema]
    assert [schema.name for schema in search_tools(schemas)] == ["search", "web_search", "broken_search"]


async def test_the_outcome_of_another_search_is_not_taken_for_this_one():
    old = Observation("[]", Call(CallId("1"), "search", '{"query":"something else"}'))
    given = package(Utterance(Speaker.PERSON, Beat(0), Beat(2), "ferries"))
    (call,) = await steps(RetrievalBackground(), given, [search.schema], [old])
    assert isinstance(call, Call)


def test_background_models_are_loaded_by_name():
    assert load_background("retrieval").name == "retrieval"


@pytest.mark.parametrize("name", ["", "retrievel", "local:", "openai:x", "vllm:", "retrieval:"])
def test_a_name_that_is_not_known_says_which_are(name):
    with pytest.raises(ConfigurationError, match="retrieval, retrieval:brief, local:smollm2, local:FOLDER"):
        load_background(name)


def test_an_address_that_no_server_can_have_says_how_to_write_one():
    with pytest.raises(ConfigurationError, match="is no server's address: write http"):
        load_background("ws://host/v1#m")


def test_a_local_folder_that_is_none_is_refused_by_name(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=tmp_path.name):
        load_background(f"local:{tmp_path}")
