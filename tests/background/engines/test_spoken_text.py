"""Written text as it is read aloud."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoint.background.engines.spoken_text import sentences_of, whole_sentences, without_markup


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs 3.50. Dr. Holm says so, e.g. on Sundays.", ["It costs 3.50.", "Dr. Holm says so, e.g. on Sundays."]),
        ("A line that goes on\nin the next. And\nanother.", ["A line that goes on in the next.", "And another."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("# Ferries\nThey sail.\n\n## Winter ##", ["Ferries", "They sail.", "Winter ##"]),
        ("- first\n- second\n  goes on\n1. third", ["first", "second goes on", "third"]),
        ("> A quoted line.\n> Another.", ["A quoted line.", "Another."]),
        ("Before.\n```python\ncode()\n```\nAfter.", ["Before.", "After."]),
        ("| **beat** | an index |\n|---|---|\n| note | a | b |", ["beat: an index", "note: a, b"]),
        ("Trains\n======\n\nThey run hourly.", ["Trains", "They run hourly."]),
        ("<p>Hello <b>there</b>.</p><!-- hidden -->", ["Hello there."]),
        ("これは文です。次の文。", ["これは文です。", "次の文。"]),
        ("\n---\n***\n", []),
        ("", []),
    ],
)  # fmt: skip
def test_sentences_are_found_in_whatever_they_are_written(text, sentences):
    assert sentences_of(text) == sentences


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Call `open()` and **then** _read_ it.", "Call open() and then read it."),
        ("See [the guide](guide.md#top) or [this][1].", "See the guide or this."),
        ("![a picture](x.png) of it", "of it"),
        ("At https://www.example.org/a/b?c=d and <http://other.org>.", "At example.org and other.org."),
        ("Use :func:`~a.b` and ``code``.", "Use ~a.b and code."),
        ("snake_case_names and 2 * 3 * 4 stay", "snake_case_names and 2 * 3 * 4 stay"),
        ("if a < b and b > c", "if a < b and b > c"),
    ],
)
def test_markup_is_not_read_aloud(line, said):
    assert without_markup(line) == said


def test_of_a_text_that_is_still_being_written_the_whole_sentences_are_taken():
    assert whole_sentences("One. Two. Thr") == (["One.", "Two."], "Thr")
    assert whole_sentences("One.") == ([], "One.")


@given(st.text(alphabet="aB .!?\n#-|*_`<>[]()", max_size=80))
def test_no_text_breaks_it_and_every_sentence_is_one_line_with_words(text):
    for sentence in sentences_of(text):
        assert sentence == sentence.strip() != ""
        assert "\n" not in sentence
