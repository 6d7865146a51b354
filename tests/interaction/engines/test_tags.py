import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoint.interaction.engines.tags import LONGEST_TAG, Piece, Speech, Tag, TagName, TagParser


def parse(text: str, size: int = 1) -> tuple[str, list[Tag]]:
    parser = TagParser()
    pieces: list[Piece] = []
    for at in range(0, len(text), size):
        pieces += parser.feed(text[at : at + size])
    pieces += parser.finish()
    return "".join(piece.text for piece in pieces if isinstance(piece, Speech)), [
        piece for piece in pieces if isinstance(piece, Tag)
    ]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_tag_is_taken_out_of_the_speech_however_it_is_cut(size: int) -> None:
    text = "Sure. <delegate>trains to Bern\nafter ten</delegate> Let me check."
    assert parse(text, size) == (
        "Sure.  Let me check.",
        [Tag(TagName.DELEGATE, "trains to Bern\nafter ten")],
    )


def test_all_three_tags_and_the_empty_withdrawal_are_known() -> None:
    _, tags = parse("<delegate>a</delegate><amend>b</amend><withdraw>c</withdraw><withdraw/><Delegate>d</ delegate >")
    assert [(tag.name, tag.text) for tag in tags] == [
        (TagName.DELEGATE, "a"),
        (TagName.AMEND, "b"),
        (TagName.WITHDRAW, "c"),
        (TagName.WITHDRAW, ""),
        (TagName.DELEGATE, "d"),
    ]


def test_attributes_of_a_tag_are_overlooked() -> None:
    assert parse('<delegate priority="high">a b</delegate>c') == ("c", [Tag(TagName.DELEGATE, "a b")])


def test_comparisons_are_speech() -> None:
    assert parse("if a < b and 3 <4 then x<y or so")[0] == "if a < b and 3 <4 then x<y or so"


@pytest.mark.parametrize("stray", ["</delegate>", "<think>", "</tool_call>", "<call/>", "<br />", '<a href="x y">'])
def test_stray_tags_are_never_speech(stray: str) -> None:
    assert parse(f"one {stray}two") == ("one two", [])


@pytest.mark.parametrize("marker", ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "<|eot_id|>"])
def test_a_turn_marker_written_out_ends_the_utterance(marker: str) -> None:
    assert parse(f"one {marker}user\ntwo") == ("one ", [])


def test_an_unclosed_tag_is_closed_with_what_there_is_when_the_turn_ends() -> None:
    assert parse("<delegate>trains to Bern") == ("", [Tag(TagName.DELEGATE, "trains to Bern", closed=False)])
    assert parse("<delegate>trains to Bern</dele")[1] == [Tag(TagName.DELEGATE, "trains to Bern", closed=False)]
    assert parse("<delegate>trains<|im_end|>x")[1] == [Tag(TagName.DELEGATE, "trains", closed=False)]


def test_a_tag_that_is_never_closed_is_closed_at_its_limit_and_nothing_of_it_is_spoken() -> None:
    spoken, tags = parse("Sure. <delegate>" + "all trains " * 200)
    assert spoken == "Sure. "
    assert len(tags) == 1
    assert not tags[0].closed
    assert len(tags[0].text) <= LONGEST_TAG


def test_half_a_marker_at_the_end_is_dropped() -> None:
    assert parse("one <deleg")[0] == "one "
    assert parse("a <")[0] == "a <"


@given(st.text(alphabet="<>/|adelegt =im_\n", max_size=80), st.integers(1, 9))
def test_however_text_is_cut_it_means_the_same(text: str, size: int) -> None:
    assert parse(text, size) == parse(text, 1000)
