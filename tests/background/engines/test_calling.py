"""Calls and sentences in what a model writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoint.background.engines.calling import LONGEST_CALL, CallReader, Spoken, Written
from counterpoint.background.engines.transcript import Transcript

CALL = '<call>{"name": "departures", "arguments": {"station": "Ystad"}}</call>'
DEPARTURES = Written("departures", '{"station":"Ystad"}')


def read(*pieces):
    reader = CallReader()
    found = [each for piece in pieces for each in reader.feed(piece)]
    return found + reader.finish()


def spoken(pieces):
    return "".join(each.text for each in pieces if isinstance(each, Spoken))


def heard(transcript, text, *, complete=True):
    """Byte by byte, as a model with the smallest tokens would write it."""
    pieces = [piece for byte in text.encode() for piece in transcript.hear(bytes((byte,)))]
    return pieces + transcript.end(complete=complete)


def test_a_call_is_read_as_soon_as_its_tag_is_closed():
    reader = CallReader()
    assert reader.feed(f"Let me see. {CALL[:-1]}") == [Spoken("Let me see. ")]
    assert reader.feed(">") == [DEPARTURES]


@given(st.lists(st.integers(1, 40), max_size=30))
def test_however_the_text_comes_in_pieces_the_calls_are_the_same(sizes):
    text, pieces = f"One < two. {CALL} and {CALL}<cal", []
    for size in [*sizes, 1000]:
        pieces.append(text[:size])
        text = text[size:]
    found = read(*pieces)
    assert [each for each in found if isinstance(each, Written)] == [DEPARTURES, DEPARTURES]
    assert spoken(found) == "One < two.  and <cal"


@pytest.mark.parametrize(
    ("inner", "call"),
    [
        ('{"name": "a", "arguments": "{\\"x\\": 1}"}', Written("a", '{"x": 1}')),
        ('{"tool": "a"}', Written("a", "{}")),
        ('{"name": "a", "arguments": {"x": 1}', Written("a", '{"name": "a", "arguments": {"x": 1}')),
        ("departures(Ystad)", Written("", "departures(Ystad)")),
        ('{"name": 7}', Written("", '{"name": 7}')),
        ("[" * 100_000, Written("", "[" * LONGEST_CALL)),
        ("", Written("", "")),
    ],
)
def test_what_is_malformed_becomes_a_call_that_validation_can_answer(inner, call):
    assert next(each for each in read(f"<call>{inner}</call>") if isinstance(each, Written)) == call


def test_a_tag_that_is_never_closed_is_a_call_with_what_there_is():
    assert read("<call>", '{"name": "a", ') == [Written("a", '{"name": "a",')]


def test_a_tag_without_end_is_closed_for_the_model():
    found = read("<call>" + "x" * (LONGEST_CALL + 50))
    assert found[0] == Written("", "x" * LONGEST_CALL)


@given(st.text())
def test_nothing_that_a_model_writes_raises(text):
    read(text)
    heard(Transcript(), text)


def test_sentences_are_said_as_soon_as_they_are_whole_and_without_markup():
    transcript = Transcript()
    assert heard(transcript, "It leaves at **10:14**. Platform é\n- third item") == [
        Spoken("It leaves at 10:14."),
        Spoken("Platform é"),
        Spoken("third item"),
    ]
    assert transcript.said == ["It leaves at 10:14.", "Platform é", "third item"]


def test_half_a_sentence_at_the_limit_is_left_out_unless_there_is_nothing_else():
    assert heard(Transcript(), "One. And tw", complete=False) == [Spoken("One.")]
    assert heard(Transcript(), "One and tw", complete=False) == [Spoken("One and tw…")]


def test_a_model_that_repeats_itself_is_stopped():
    transcript = Transcript()
    assert heard(transcript, "The answer is ten. The answer is ten. The answer is ten. No.") == [
        Spoken("The answer is ten.")
    ]
    assert transcript.over


def test_what_is_written_after_a_call_is_not_said_because_its_result_is_not_known_yet():
    transcript = Transcript()
    assert heard(transcript, f"I look. {CALL}It leaves at 3. Yes.") == [Spoken("I look."), DEPARTURES]
    assert transcript.calls == 1
    assert transcript.over


def test_several_calls_in_a_row_are_all_made():
    assert heard(Transcript(), f"{CALL}\n{CALL}") == [DEPARTURES, DEPARTURES]


def test_only_sentences_that_pass_are_said():
    transcript = Transcript(lambda sentence: "ten" in sentence)
    assert heard(transcript, "A ferry is a bird. It leaves at ten. Fish.") == [Spoken("It leaves at ten.")]


def test_a_model_without_turns_ends_with_its_line():
    transcript = Transcript(single_line=True)
    assert heard(transcript, "\n It leaves at ten.\nPerson: Thanks") == [Spoken("It leaves at ten.")]
    assert transcript.over
