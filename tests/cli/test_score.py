"""The score: what becomes of each kind of entry, on a page of a hundred columns."""

from itertools import pairwise
from pathlib import Path

import pytest

from counterpoint.cli.score import Score, clock
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.entries import Body, Entry, Header, Orphaned, Role, Stored, Turn, Unknown
from counterpoint.shared_context.ids import Beat, Position, WriterId
from counterpoint.shared_context.portable import LineReader

GOLDEN = Path(__file__).parent.parent / "golden"


def scored(log: list[Stored], **options) -> list[str]:
    lines: list[str] = []
    score = Score(lines.append, **options)
    score.head()
    for stored in log:
        score.entry(stored)
    score.finish()
    return lines


def kept(name: str) -> list[Stored]:
    reader = LineReader()
    lines = (GOLDEN / f"{name}.jsonl").read_bytes().splitlines(keepends=True)
    return [read for read in map(reader.read, lines) if isinstance(read, Stored)]


def stored(body: Body, *, beat: int | None = 3, position: int = 1, at: float = 10.0) -> Stored:
    header = Header(Role.HOST, WriterId("host-a"), 7, position, at, None if beat is None else Beat(beat))
    return Stored(Position(position), Entry(header, body))


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.jsonl")))
def test_a_score_has_a_hundred_columns_and_is_in_order_of_time(name: str) -> None:
    lines = scored(kept(name))
    assert all(len(line) <= 100 for line in lines)
    times = [line[:8].strip() for line in lines[2:]]
    seconds = [int(time.split(":")[0]) * 60 + float(time.split(":")[1]) for time in times if time]
    late = [(before, after) for before, after in pairwise(seconds) if after < before - 2.0]
    assert not late


def test_it_tells_of_outages_and_of_another_host() -> None:
    text = "\n".join(scored(kept("outage_and_taking_over")))
    assert "== degraded: the store cannot be written: away" in text
    assert "== recovered after" in text
    assert text.count("== hosted by host-") == 2
    assert "epoch 2" in text
    assert "(not heard:" in text


def test_it_tells_of_interruptions_and_corrections() -> None:
    text = " ".join("\n".join(scored(kept("results_and_interruptions"))).split())
    for what in ("d3 withdrawn", "n1 progress", "n3 waits: another note", "(gave up:", "n2 dropped: stale", "by --"):
        assert what in text, what


def test_it_tells_of_pauses_and_of_beats_that_were_skipped() -> None:
    text = "\n".join(scored(kept("early_parts_and_late_steps")))
    assert "== paused: lunch" in text
    assert "were not lived through: paused" in text
    assert "== resumed" in text
    assert "dropped: superseded by" in " ".join(text.replace("|", " ").split())


def test_what_a_fenced_host_still_held_is_readable() -> None:
    held = stored(Turn(text="Never played."))
    [line] = scored([stored(Orphaned(encode(held.entry)))])[2:]
    assert line.endswith("== orphaned by host-a (epoch 7): Never played.")


def test_a_kind_of_a_newer_version_is_named() -> None:
    [line] = scored([stored(Unknown("telepathy", b"\x81"))])[2:]
    assert "an entry of kind 'telepathy' that this version does not know (1 bytes)" in line


def test_nothing_in_a_log_acts_on_the_terminal() -> None:
    lines = scored([stored(Turn(text="\x1b[2Jgone\x07 and \u202eback"))], color=False)
    assert not any(control in "".join(lines) for control in "\x1b\x07\u202e")


def test_what_is_outside_of_the_stretch_is_not_shown() -> None:
    log = [stored(Turn(text=f"word {beat}."), beat=beat, position=beat) for beat in range(1, 30)]
    text = "\n".join(scored(log, since=10, until=12))
    assert [beat for beat in range(1, 30) if f"word {beat}." in text] == [10, 11, 12]


def test_an_entry_without_a_beat_stands_where_its_date_says() -> None:
    log = [stored(Turn(text="Now."), at=10.0), stored(Orphaned(b""), beat=None, position=2, at=12.0)]
    assert scored(log)[-1].startswith("  0:02.6")


@pytest.mark.parametrize(("beat", "shown"), [(0, "0:00.0"), (7, "0:01.4"), (3_001, "10:00.2"), (-1, "0:00.0")])
def test_times_are_minutes_and_seconds(beat: int, shown: str) -> None:
    assert clock(beat) == shown
