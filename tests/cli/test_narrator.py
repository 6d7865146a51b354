"""What the terminal shows of who spoke: words that follow each other are a row, in the order in which they began."""

from counterpoint.cli.demo_heard import Heard
from counterpoint.cli.lanes import Lanes
from counterpoint.cli.narrator import Narrator
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.ids import Beat


def rows(*turns: MicroTurn) -> list[tuple[int, str, str]]:
    """(beat, lane, text) of each row."""
    lines: list[str] = []
    narrator = Narrator(Lanes(lines.append, color=False, width=150))
    for turn in turns:
        narrator.turn(turn)
    narrator.finish()
    found: list[tuple[int, str, str]] = []
    for line in lines:
        beat, *cells = line.split("|")
        lane = next(number for number, cell in enumerate(cells) if cell.strip())
        found.append((int(beat), ("person", "agent", "background")[lane], cells[lane].strip()))
    return found


def heard(beat: int, word: str = "") -> MicroTurn:
    return MicroTurn(Beat(beat), understood=word)


def said(beat: int, text: str, boundary: Boundary = Boundary.WORD) -> MicroTurn:
    return MicroTurn(Beat(beat), text=text, boundary=boundary)


def test_words_that_are_understood_one_after_the_other_are_one_row() -> None:
    words = [heard(3, "look"), heard(4, " at"), heard(6, " it"), heard(7), heard(12, "and"), heard(13, " this")]
    assert rows(*words) == [(3, "person", "look at it"), (12, "person", "and this")]


def test_an_answer_stands_below_what_it_answers() -> None:
    assert rows(heard(3, "tree"), said(4, "fish", Boundary.END), heard(5, " now")) == [
        (3, "person", "tree"),
        (4, "agent", "fish"),
        (5, "person", "now"),
    ]


def test_what_was_said_before_the_person_broke_in_stands_above_them_and_the_rest_below() -> None:
    shown = rows(said(1, "one"), said(3, " two"), heard(4, "stop"), said(5, " three"), *map(heard, range(6, 10)))
    assert shown == [(1, "agent", "one two"), (4, "person", "stop"), (5, "agent", "three")]


def test_the_demo_tells_of_the_lines_that_the_terminal_shows() -> None:
    words = [heard(beat, f"w{beat}" if beat in (2, 5, 9, 10, 13, 17) else "") for beat in range(20)]
    demo = Heard(16_000)
    for turn in words:
        demo.take(turn, (turn.beat + 1) * 0.2 + 0.15 * (turn.beat % 2))  # every other beat comes late
    assert [line.text for line in demo.understood()] == [text for _, _, text in rows(*words)]
    assert [line.text for line in demo.understood()] == ["w2 w5", "w9 w10 w13", "w17"]
