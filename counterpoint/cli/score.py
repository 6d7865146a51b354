"""The score of a conversation: its log as rows of lanes, one for each voice, and lines across for what befell it.

Knows nothing of stores: entries in, rows out. Times are those of the conversation, beats times 0.2 s.
"""

import textwrap
from collections.abc import Callable
from typing import Final, Literal

from counterpoint.cli.telling import befallen, brief, told
from counterpoint.config import BEAT_SECONDS
from counterpoint.shared_context.entries import Body, Gap, NoteDropped, NoteLaid, Opened, Stored, Turn
from counterpoint.shared_context.escaping import shown
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.ids import Beat, NoteId
from counterpoint.shared_context.notes import Decision, DecisionKind
from counterpoint.shared_context.reading import Unreadable

Voice = Literal["person", "agent", "background"]
VOICES: Final[tuple[Voice, ...]] = ("person", "agent", "background")
TIME_WIDTH: Final = 8
_COLORS: Final = {"person": "36", "agent": "32", "background": "33", "": "2"}
_PAUSE_BEATS: Final = 5
"""Spoken words with less silence between them are one row."""


def clock(beat: int) -> str:
    """A beat's beginning as m:ss.s from the start of the conversation."""
    tenths = round(max(beat, 0) * BEAT_SECONDS * 10)
    return f"{tenths // 600}:{tenths // 10 % 60:02}.{tenths % 10}"


class Score:
    """`write` gets finished lines without their line ends. `width`: of the whole page. `since`, `until`: beats; what is
    outside is taken note of and not shown.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        width: int = 100,
        color: bool = False,
        since: int | None = None,
        until: int | None = None,
    ) -> None:
        self._write = write
        self._color = color
        self._width = width
        self._column = (width - TIME_WIDTH - 3 * len(VOICES)) // len(VOICES)
        self._since = 0 if since is None else since
        self._until = until
        self._beat = 0
        self._said: dict[Voice, list[str]] = {"person": [], "agent": []}
        self._began: dict[Voice, int] = {}
        self._last: dict[Voice, int] = {}
        self._typed = False
        self._beats = Beats()
        self._notes: dict[NoteId, str] = {}

    def head(self) -> None:
        self._write(" " * TIME_WIDTH + "".join(f" | {voice:<{self._column}}" for voice in VOICES).rstrip())
        self._write("-" * (TIME_WIDTH + 1) + "+" + "+".join("-" * (self._column + 2) for _ in VOICES))

    def remark(self, text: str) -> None:
        """A line across that belongs to no beat."""
        self._across("", text)

    def unreadable(self, what: Unreadable) -> None:
        places = f"{what.first}" if what.first == what.last else f"{what.first} to {what.last}"
        self.remark(f"position {places} cannot be read: {what.reason}")

    def entry(self, stored: Stored) -> None:
        body = stored.entry.body
        self._beat = self._beats.of(stored)
        self._hush(self._beat)
        if isinstance(body, Turn):
            self._turn(body)
            return
        if text := befallen(stored):
            self.finish()
            self._across(clock(body.first if isinstance(body, Gap) else self._beat), text)
        if isinstance(body, Opened) and body.greeting:
            self._across("", f"greeting: {body.greeting}")
        if text := self._of_a_note(body) or told(body):
            self._row(self._beat, "background", text)

    def finish(self) -> None:
        """What is half said is shown as it is."""
        self._flush("person")
        self._flush("agent")

    def _turn(self, turn: Turn) -> None:
        for chunk in turn.texts:
            if chunk.typed is not self._typed:
                self._flush("person")
                self._typed = chunk.typed
            self._add("person", chunk.text if chunk.typed else f"{chunk.text} ")
            if chunk.typed and chunk.done:
                self._flush("person")
        if turn.understood and not turn.texts:
            self._add("person", turn.understood)
        if turn.unheard is not None:
            self._flush("agent")
            self._row(self._beat, "agent", f"(not heard: {turn.unheard.text.strip()})")
        if turn.flush:
            self._flush("agent", " --")
        if turn.unsaid:
            self._flush("agent", " --")
        for decision in turn.decisions:
            self._row(self._beat, "background", self._decided(decision))
        if turn.text:
            self._add("agent", turn.text)
        if turn.boundary >= Boundary.CLAUSE:
            self._flush("agent")
        if turn.unsaid:
            self._row(self._beat, "agent", f"(gave up: {turn.unsaid.strip()})")

    def _decided(self, decision: Decision) -> str:
        done = {
            DecisionKind.HOLD: "waits",
            DecisionKind.WEAVE: "woven",
            DecisionKind.INTERRUPT: "interrupts",
            DecisionKind.SILENT: "woven silently",
            DecisionKind.DROP: "dropped",
        }[decision.kind]
        return f"{self._number(decision.note)} {done}: {decision.reason.replace('_', ' ')}"

    def _of_a_note(self, body: Body) -> str:
        match body:
            case NoteLaid(note=note):
                return f"{self._number(note.id)} {note.kind.value} ({note.delivery.value}): {brief(note.text)}"
            case NoteDropped(note=note, reason=reason):
                return f"{self._number(note)} dropped: {reason}"
            case _:
                return ""

    def _number(self, note: NoteId) -> str:
        """Notes are counted: their ids are long."""
        return self._notes.setdefault(note, f"n{len(self._notes) + 1}")

    def _add(self, voice: Voice, text: str) -> None:
        if not self._said[voice]:
            self._began[voice] = self._beat
        self._said[voice].append(text)
        self._last[voice] = self._beat

    def _hush(self, beat: int) -> None:
        """Who has been silent for a while has said what was to be said."""
        for voice in ("person", "agent"):
            if self._said[voice] and beat - self._last[voice] > _PAUSE_BEATS:
                self._flush(voice)

    def _flush(self, voice: Voice, tail: str = "") -> None:
        said = "".join(self._said[voice]).strip()
        self._said[voice].clear()
        if said:
            self._row(self._began[voice], voice, said + tail)

    def _row(self, beat: int, voice: Voice, text: str) -> None:
        if voice == "background":
            self.finish()  # in order of time, also while somebody is speaking
        if not self._wanted(beat):
            return
        lines = textwrap.wrap(" ".join(shown(text).split()), self._column) or [""]
        for index, line in enumerate(lines):
            time = f"{clock(beat):>{TIME_WIDTH}}" if index == 0 else " " * TIME_WIDTH
            self._write((time + "".join(self._cell(line if each == voice else "", each) for each in VOICES)).rstrip())

    def _across(self, time: str, text: str) -> None:
        if time and not self._wanted(self._beat):
            return
        for index, line in enumerate(textwrap.wrap(" ".join(shown(text).split()), self._width - TIME_WIDTH - 4)):
            self._write(f"{time if index == 0 else '':>{TIME_WIDTH}} {self._painted(f'== {line}', '')}")

    def _cell(self, text: str, voice: Voice) -> str:
        return f" | {self._painted(f'{text:<{self._column}}', voice)}"

    def _painted(self, text: str, lane: str) -> str:
        return f"\x1b[{_COLORS[lane]}m{text}\x1b[0m" if self._color and text.strip() else text

    def _wanted(self, beat: int) -> bool:
        return self._since <= beat and (self._until is None or beat <= self._until)


class Beats:
    """The beat of each entry: a host says it, a worker's is told from its date and that of the host's last one."""

    def __init__(self) -> None:
        self._beat = Beat(0)
        self._at = 0.0

    def of(self, stored: Stored) -> Beat:
        header = stored.entry.header
        if header.beat is not None:
            self._beat, self._at = header.beat, header.at
        since = header.at - self._at if self._at and header.beat is None else 0.0
        return Beat(self._beat + max(0, int(since / BEAT_SECONDS)))
