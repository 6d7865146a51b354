import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoint.engines.http.sse import LONGEST_LINE, EndlessLine, EventReader

STREAM = (
    b": a comment\n\ndata: one\n\ndata:two\r\n\r\nevent: x\rid: 7\rdata: three\rdata: lines\r\r"
    b"data: caf\xc3\xa9 \xf0\x9f\x9a\x86\n\ndata\n\nretry: 10\n\ndata: [DONE]\n\n"
)
EVENTS = ["one", "two", "three\nlines", "café 🚆", "[DONE]"]


def read(*parts: bytes) -> list[str]:
    reader = EventReader()
    return [event for part in parts for event in reader.feed(part)] + reader.finish()


@given(st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
def test_events_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    edges = [0, *cuts, len(STREAM)]
    assert read(*(STREAM[a:b] for a, b in itertools.pairwise(edges))) == EVENTS


def test_a_last_event_counts_without_its_line_end() -> None:
    assert read(b"data: one\n\ndata: two") == ["one", "two"]
    assert read(b"data: one\n\ndata: two\n") == ["one", "two"]
    assert read(b"") == read(b": nothing") == []


def test_a_byte_order_mark_is_no_part_of_the_first_field() -> None:
    assert read(b"\xef\xbb\xbfdata: one\n\n") == ["one"]


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(EndlessLine):
        read(b"data: ", b"x" * (LONGEST_LINE + 1))
