"""What the commands show: lanes, the edited line, the summary."""

import pytest

from counterpoint.cli.keyboard import EditedLine, Key
from counterpoint.cli.lanes import LANES, Lanes
from counterpoint.cli.narrator import Narrator
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import Asked, Entry, Header, NoteLaid, Role, Settled, Stored, Turn
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, NoteId, Position, WriterId
from counterpoint.shared_context.notes import Decision, DecisionKind, Note, NoteKind


def drawn(*rows: tuple[int, str, str], color: bool = False, width: int = 80) -> list[str]:
    lines: list[str] = []
    lanes = Lanes(lines.append, color=color, width=width)
    for beat, lane, text in rows:
        lanes.row(beat, lane, text)  # type: ignore[arg-type]
    return lines


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")]


def test_each_lane_has_its_column_and_long_text_stays_in_it() -> None:
    text = "a long sentence that does not fit into one column of eighty"
    lines = drawn((7, "agent", text))
    assert cells(lines[0])[0] == "7"
    assert len(lines) > 1
    assert all(not cells(line)[1] and not cells(line)[3] for line in lines)
    assert " ".join(cells(line)[2] for line in lines) == text


def test_plain_output_has_no_colour_codes_and_a_terminal_gets_them() -> None:
    rows = tuple((1, lane, "hello") for lane in LANES)
    assert not any("\x1b" in line for line in drawn(*rows))
    assert all("\x1b[" in line for line in drawn(*rows, color=True))


@pytest.mark.parametrize(
    ("typed", "lines"),
    [
        ("hello\n", ["hello"]),
        ("hellp\x7fo\r", ["hello"]),
        ("nonsense\x15hello\n", ["hello"]),
        ("h\x1bé\n", ["hé"]),
        ("one\ntwo\n", ["one", "two"]),
        ("unfinished", []),
    ],
)
def test_typing_is_edited_as_in_a_terminal(typed: str, lines: list[str]) -> None:
    assert [key.line for key in EditedLine().feed(typed) if key.done] == lines


def test_every_key_is_seen_before_enter() -> None:
    assert EditedLine().feed("hi") == [Key("h"), Key("hi")]


def stored(position: int, at: float, body: object) -> Stored:
    header = Header(Role.HOST, WriterId("w"), 1, position, at, Beat(position))
    return Stored(Position(position), Entry(header, body))  # type: ignore[arg-type]


def test_the_summary_says_how_long_each_result_waited_and_why() -> None:
    narrator = Narrator(Lanes(lambda _: None, color=False, width=80))
    note = Note(NoteId("n"), NoteKind.RESULT, "10:14", DelegationId("d1"))
    hold = Decision(note.id, DecisionKind.HOLD, "person_speaking", Beat(3))
    weave = Decision(note.id, DecisionKind.WEAVE, "floor_open", Beat(9))
    for turn in range(10):
        narrator.turn(MicroTurn(Beat(turn), late=0.001))
    asked = Asked(Delegation(DelegationId("d1"), ConversationId("c"), "trains"))
    settled = Settled(DelegationId("d1"), DelegationState.DONE)
    bodies = [
        (0.0, asked),
        (1.0, NoteLaid(note)),
        (1.0, Turn(decisions=(hold,))),
        (2.5, Turn(decisions=(weave,))),
        (3.0, settled),
    ]
    for position, (at, body) in enumerate(bodies, 1):
        narrator.entry(stored(position, at, body))
    summary = "\n".join(narrator.summary())
    assert "10 beats (2 s)" in summary
    assert "d1 done: trains" in summary
    assert "result woven 1.50 s after it was ready (floor open), held because person speaking" in summary


def test_speech_is_shown_by_the_clause_with_the_beat_at_which_it_began() -> None:
    lines: list[str] = []
    narrator = Narrator(Lanes(lines.append, color=False, width=100))
    for beat, text, boundary in [
        (4, "Let", Boundary.WORD),
        (5, " me check,", Boundary.CLAUSE),
        (6, " please.", Boundary.END),
    ]:
        narrator.turn(MicroTurn(Beat(beat), text=text, boundary=boundary))
    assert [cells(line)[2] for line in lines] == ["Let me check,", "please."]
    assert lines[0].startswith("    4")
