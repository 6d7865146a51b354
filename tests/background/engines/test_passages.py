"""What search tools return, whoever wrote them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoint.background.engines.passages import FoundPassage, passages_of
from counterpoint.shared_context.notes import Source
from counterpoint.tools.passage_table import Passage
from counterpoint.tools.web_hits import Hit


def as_lines(*items):
    return "\n".join(msgspec.json.encode(item).decode() for item in items)


def test_passages_of_the_folder_search_are_read_line_by_line():
    found = [Passage("At ten.", Source("a.md", "Ferries"), "Ferries > Winter", 2.0), Passage("Milk.", Source("b.txt"))]
    assert passages_of(as_lines(*found)) == [
        FoundPassage("At ten.", Source("a.md", "Ferries"), "Ferries > Winter"),
        FoundPassage("Milk.", Source("b.txt")),
    ]


def test_hits_of_the_web_search_are_read_with_their_address():
    hit = Hit("Ferries", "https://example.org/ferries", "At ten.", "2026-01-01")
    assert passages_of(as_lines(hit)) == [FoundPassage("At ten.", Source("https://example.org/ferries", "Ferries"))]


@pytest.mark.parametrize(
    "result",
    [
        '[{"text": "At ten.", "source": "a.md", "title": "Ferries"}]',
        '{"results": [{"content": "At ten.", "url": "a.md", "title": "Ferries"}]}',
        '{"query": "ferry", "hits": [{"snippet": "At ten.", "path": "a.md", "name": "Ferries"}]}',
    ],
)
def test_other_peoples_fields_are_understood(result):
    assert passages_of(result) == [FoundPassage("At ten.", Source("a.md", "Ferries"))]


@pytest.mark.parametrize("result", ["", "(no results)", "[cut after 3 results and 20 characters]", "[]", "{}", "null"])
def test_where_nothing_was_found_there_is_no_passage(result):
    assert passages_of(result) == []


def test_what_was_cut_off_does_not_spoil_the_rest():
    result = as_lines(Passage("At ten.", Source("a.md"))) + '\n{"text": "Half a pas […]\n[cut after 2 results]'
    assert passages_of(result) == [FoundPassage("At ten.", Source("a.md"))]


def test_plain_text_is_a_passage_of_unknown_origin():
    assert passages_of("The ferry leaves at ten.\nIt waits.") == [
        FoundPassage("The ferry leaves at ten.\nIt waits.", Source(""))
    ]
    assert [each.text for each in passages_of('["One.", "Two."]')] == ["One.", "Two."]


@pytest.mark.parametrize(
    ("source", "title"),
    [
        (Source("guide/winter-ferries_2.md"), "winter ferries 2"),
        (Source("guide/x.md", "Ferries"), "Ferries"),
        (Source("https://www.example.org/a/b?c"), "example.org"),
        (Source("http://[broken"), "[broken"),
        (Source(""), ""),
    ],
)
def test_a_passage_is_called_by_its_title_or_else_by_its_place(source, title):
    assert FoundPassage("At ten.", source).title == title


@given(
    st.text()
    | st.recursive(st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_no_result_is_too_odd_to_be_read(result):
    text = result if isinstance(result, str) else msgspec.json.encode(result).decode()
    assert all(isinstance(each, FoundPassage) for each in passages_of(text))
