"""Answers made of quoted sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoint.background.engines.passages import FoundPassage
from counterpoint.background.engines.quoting import LONGEST, quote
from counterpoint.background.engines.ranking import backed, telling_words
from counterpoint.shared_context.notes import Source

FERRIES = FoundPassage(
    "Ferries are white. In winter the **ferry** to Ystad leaves at ten. Dogs may come along.",
    Source("guide/ferries.md", "Ferries"),
)
FARES = FoundPassage("A crossing costs twenty crowns. Children travel free.", Source("fares.md"))
TRAINS = FoundPassage("The ferry waits for the trains from Lund in winter.", Source("trains.rst", "Trains"))


def said(request, *passages):
    found = quote(request, passages)
    return found and found.text


def test_the_sentence_that_fits_is_quoted_with_where_it_stands():
    found = quote("When does the ferry to Ystad leave?", [FERRIES, FARES])
    assert found.text == "According to Ferries: In winter the ferry to Ystad leaves at ten."
    assert found.sources == (Source("guide/ferries.md", "Ferries"),)


def test_a_file_without_a_title_is_called_by_its_name():
    assert said("What does a crossing cost?", FERRIES, FARES) == "According to fares: A crossing costs twenty crowns."


def test_a_second_sentence_is_quoted_if_it_fits_nearly_as_well():
    assert said("the ferry in winter", FERRIES, TRAINS) == (
        "According to Ferries: In winter the ferry to Ystad leaves at ten. "
        "And according to Trains: The ferry waits for the trains from Lund in winter."
    )


def test_two_sentences_of_a_passage_are_said_in_its_order():
    passage = FoundPassage("Snow falls on the pass. The pass is closed by snow.", Source("", "Roads"))
    assert said("snow pass", passage) == "According to Roads: Snow falls on the pass. The pass is closed by snow."


def test_what_is_asked_for_beats_what_is_only_mentioned():
    mention = FoundPassage("The weaver, the tray and the floor are pure, as every note knows.", Source("", "Design"))
    meaning = FoundPassage("A note is one thing that is passed forward.", Source("", "Words"))
    assert said("What is a note?", mention, meaning).startswith("According to Words: A note is one thing")


@pytest.mark.parametrize("request_", ["quantum chromodynamics", "what is this?", "", "你好吗"])
def test_what_has_nothing_to_do_with_it_is_not_quoted(request_):
    assert quote(request_, [FERRIES, FARES, TRAINS]) is None


def test_nothing_found_is_nothing_quoted():
    assert quote("ferries", []) is None


def test_a_half_answer_is_called_one():
    answer = said("Which platform does the express coach to Malmo leave from in winter?", FERRIES)
    assert answer == "I found no clear answer; the closest is in Ferries: In winter the ferry to Ystad leaves at ten."


def test_a_long_sentence_ends_between_clauses():
    long = "The ferry sails in winter, " + ", ".join(f"past island number {number}" for number in range(40))
    answer = said("ferry winter", FoundPassage(long, Source("", "Ferries")))
    assert len(answer) <= LONGEST
    assert answer.endswith("…")
    assert not answer.endswith(",…")


def test_a_fragment_is_ended_like_a_sentence():
    assert said("ferry", FoundPassage("- the ferry, at ten", Source("", "Times"))).endswith("the ferry, at ten.")


def test_a_passage_of_unknown_origin_is_quoted_without_a_source():
    found = quote("ferry", [FoundPassage("The ferry sails at ten.", Source(""))])
    assert found.text == "I found this: The ferry sails at ten."
    assert found.sources == ()


def test_a_long_title_is_shortened_between_words():
    passage = FoundPassage(
        "The ferry sails at ten.", Source("a.md", "4. All about ferries, their crews and " + "lands " * 20)
    )
    assert said("ferry", passage) == "According to All about ferries: The ferry sails at ten."


def test_forms_of_a_word_are_one_word():
    assert telling_words("The ferries are leaving") == telling_words("a ferry leaves") != telling_words("trains")


def test_a_models_sentence_counts_if_it_says_what_was_found():
    assert backed("The Ystad ferry leaves at ten in winter.", "When does the ferry leave?", [FERRIES])
    assert not backed("The ferry is a musical instrument of the baroque.", "When does the ferry leave?", [FERRIES])
    assert not backed("When does the ferry leave?", "When does the ferry leave?", [FERRIES])


@given(st.text(max_size=60), st.lists(st.text(max_size=400), max_size=4))
def test_whatever_is_found_the_answer_can_be_said(request_, texts):
    found = quote(request_, [FoundPassage(text, Source("a.md", text[:90])) for text in texts])
    if found is not None:
        assert len(found.text) <= LONGEST
        assert "\n" not in found.text
        assert found.text.rstrip("\"'”’)]").endswith((".", "!", "?", "…", "。", "！", "？"))
