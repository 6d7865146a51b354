import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoint.interaction.engines.words import (
    boundary_between,
    ends_clause,
    ends_sentence,
    last_whole_word,
    unit_end,
    word_start,
)
from counterpoint.shared_context.expressed import Boundary


def units(text: str) -> list[str]:
    parts: list[str] = []
    at = 0
    while (end := unit_end(text, at, final=True)) is not None:
        parts.append(text[at:end])
        at = end
    return parts


def test_words_take_the_space_before_them_and_the_marks_after_them() -> None:
    assert units("The 10:14 leaves, on time. ") == ["The", " 10:14", " leaves,", " on", " time. "]


def test_chinese_goes_two_characters_at_a_time_with_its_marks() -> None:
    assert units("你好，世界很大。") == ["你好，", "世界", "很大。"]


def test_an_address_is_cut_into_pieces_of_bounded_length() -> None:
    parts = units("https://example.org/a/very/long/address/without/any/spaces/at/all")
    assert "".join(parts).startswith("https://")
    assert len(parts) > 3
    assert max(len(part) for part in parts) <= 18


def test_a_joined_emoji_is_never_cut() -> None:
    family = "👨‍👩‍👧‍👦"
    assert all(part.count(family[0]) == part.count(family) for part in units(family * 12))


def test_a_word_is_not_whole_until_what_follows_is_known() -> None:
    assert unit_end("plat", 0, final=False) is None
    assert unit_end("platform ", 0, final=False) == 8
    assert unit_end("你好", 0, final=False) is None


@given(st.text(max_size=300))
def test_units_lose_nothing_and_are_bounded(text: str) -> None:
    parts = units(text)
    assert "".join(parts) == text
    assert all(len(part.strip()) <= 48 for part in parts)


@given(st.text(alphabet="ab ,.你好\n👍🏽", max_size=60), st.integers(1, 5))
def test_text_that_comes_in_pieces_is_cut_like_text_that_comes_at_once(text: str, step: int) -> None:
    whole = text.rstrip()
    waiting, got = "", list[str]()
    for at in range(0, len(whole), step):
        waiting += whole[at : at + step]
        while (end := unit_end(waiting, 0, final=False)) is not None:
            got.append(waiting[:end])
            waiting = waiting[end:]
    while (end := unit_end(waiting, 0, final=True)) is not None:
        got.append(waiting[:end])
        waiting = waiting[end:]
    assert got == units(whole)


@pytest.mark.parametrize(
    ("said", "rest", "boundary"),
    [
        ("on time,", " and", Boundary.CLAUSE),
        ("on time.”", " And", Boundary.CLAUSE),
        ("on", " time", Boundary.WORD),
        ("exam", "ple", Boundary.NONE),
        ("世界", "很大", Boundary.NONE),
        ("世界。", "很大", Boundary.CLAUSE),
    ],
)
def test_where_speech_stands_between_two_pieces(said: str, rest: str, boundary: Boundary) -> None:
    assert boundary_between(said, rest) is boundary


def test_clauses_and_sentences_end_at_their_marks() -> None:
    assert ends_clause("however;")
    assert not ends_clause("10:14")
    assert ends_sentence("Really?!")
    assert not ends_sentence("Really,")


def test_a_position_inside_a_word_goes_back_to_where_the_word_begins() -> None:
    assert word_start("the platform", 7) == 4
    assert word_start("the platform", 3) == 3
    assert word_start("the platform", 12) == 12


def test_while_somebody_types_only_whole_words_are_taken() -> None:
    assert last_whole_word("when does the tra") == 13
    assert last_whole_word("when") == 0
    assert last_whole_word("x" * 49) == 49
