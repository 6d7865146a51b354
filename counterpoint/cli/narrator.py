"""Turns what a session and its log bring into rows of the three lanes, and keeps the figures for the summary."""

import msgspec

from counterpoint.cli.lanes import Lanes
from counterpoint.cli.understood import Line
from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.shared_context.entries import (
    Amended,
    ApprovalAsked,
    Asked,
    Failed,
    NoteDropped,
    NoteLaid,
    Settled,
    Stored,
    Taken,
    ToolCalled,
    ToolReturned,
    Turn,
    Withdrawn,
)
from counterpoint.shared_context.escaping import shown
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.ids import DelegationId, NoteId
from counterpoint.shared_context.notes import DecisionKind, Delivery, Note

_SHOWN = 160


class Wait(msgspec.Struct):
    """One note's way: when it was laid (seconds since 1970), why it was held, when and how it was woven."""

    note: Note
    laid: float
    held: list[str] = []
    woven: float | None = None
    reason: str = ""
    dropped: str = ""


class Narrator:
    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._speech: list[str] = []
        self._began = 0
        self._understood: Line | None = None
        self._beat = 0
        self.beats = 0
        self.late: list[float] = []
        self.requests: dict[DelegationId, str] = {}
        self.settled: dict[DelegationId, str] = {}
        self.waits: dict[NoteId, Wait] = {}

    def typed(self, beat: int, line: str) -> None:
        self._lanes.row(beat, "person", line)

    def turn(self, turn: MicroTurn) -> None:
        """What was said, a clause to a row; beats that were skipped."""
        self._beat = turn.beat
        self.beats += turn.span
        if turn.part == 0:
            self.late.append(turn.late)
        if turn.gap is not None:
            self._lanes.row(
                turn.gap.first, "agent", f"(beats {turn.gap.first}-{turn.gap.last} skipped: {turn.gap.reason})"
            )
        self._understand(turn)
        if turn.flush:
            self._say(" --")
        if turn.text:
            if not self._speech:
                self._began = turn.beat
            self._speech.append(turn.text)
        if self._speech and turn.boundary >= Boundary.CLAUSE:
            self._say()

    def entry(self, stored: Stored) -> None:
        """What the log brings for the background lane."""
        header, body = stored.entry.header, stored.entry.body
        text = self._line(stored)
        if text:
            self._heard()
            beat = self._beat if header.beat is None else header.beat
            self._lanes.row(beat, "background", text)
        if isinstance(body, Turn):
            self._decided(body, header.at)

    def finish(self) -> None:
        self._heard()
        self._say()

    def _understand(self, turn: MicroTurn) -> None:
        """Collects what is understood, a line to a row."""
        if self._understood and not self._understood.goes_on(turn.beat):
            self._heard()
        if word := turn.understood.strip():
            line = self._understood
            self._understood = line.with_word(turn.beat, word) if line else Line(turn.beat, turn.beat, word)

    def _heard(self) -> None:
        """What was understood is a row, after what was begun to be said before."""
        if self._understood:
            if self._began < self._understood.first:
                self._row_said("")
            self._row_heard()

    def _say(self, tail: str = "") -> None:
        """What was said is a row, after what was understood before."""
        if self._speech:
            if self._understood and self._understood.first <= self._began:
                self._row_heard()
            self._row_said(tail)

    def _row_heard(self) -> None:
        if line := self._understood:
            self._understood = None
            self._lanes.row(line.first, "person", line.text)

    def _row_said(self, tail: str) -> None:
        if self._speech:
            said = "".join(self._speech).strip()
            self._speech.clear()
            self._lanes.row(self._began, "agent", said + tail)

    def _line(self, stored: Stored) -> str:
        match stored.entry.body:
            case Asked(delegation=delegation):
                self.requests[delegation.id] = delegation.request
                return f"{delegation.id} asked: {delegation.request}"
            case Amended(delegation=id, text=text):
                return f"{id} corrected: {text}"
            case Withdrawn(delegation=id, reason=reason):
                self.settled[id] = "withdrawn"
                return f"{id} withdrawn" + (f": {reason}" if reason else "")
            case Taken(delegation=id, attempt=attempt):
                return f"{id} taken" + (f" (attempt {attempt})" if attempt > 1 else "")
            case ToolCalled(delegation=id, tool=tool, arguments=arguments):
                return f"{id} calls {tool}({_short(arguments)})"
            case ToolReturned(delegation=id, failed=True, result=result):
                return f"{id} tool failed: {_short(result)}"
            case ToolReturned(delegation=id, seconds=seconds):
                return f"{id} tool returned after {seconds:.2f} s"
            case ApprovalAsked(delegation=id, question=question):
                return f"{id} asks for approval: {question}"
            case NoteLaid(note=note) if note.delivery is Delivery.SILENT:
                return ""
            case NoteLaid(note=note):
                self.waits[note.id] = Wait(note, stored.entry.header.at)
                return f"{note.kind.value}: {_short(note.text)}"
            case NoteDropped(note=id, reason=reason):
                if id in self.waits:
                    self.waits[id].dropped = reason
                return f"note dropped: {reason}"
            case Settled(delegation=id, state=state, reason=reason):
                self.settled[id] = state.value
                return f"{id} {state.value}" + (f": {reason}" if reason else "")
            case Failed(what=what, reason=reason):
                return f"{what} failed: {reason}"
            case _:
                return ""

    def _decided(self, turn: Turn, at: float) -> None:
        for decision in turn.decisions:
            wait = self.waits.get(decision.note)
            if wait is None:
                continue
            if decision.kind is DecisionKind.HOLD:
                wait.held.append(decision.reason)
            elif wait.woven is None:
                wait.woven, wait.reason = at, decision.reason

    def summary(self) -> list[str]:
        """The figures of the conversation, as lines."""
        late = sorted(self.late) or [0.0]
        lateness = (
            f"late by {_at(late, 0.5):.1f} ms (median), {_at(late, 0.99):.1f} ms (p99), {_at(late, 1):.1f} ms (worst)"
        )
        lines = [
            f"{self.beats} beats ({self.beats * BEAT_SECONDS:.0f} s); {lateness}",
            f"{len(self.requests)} delegations:",
        ]
        for id, request in self.requests.items():
            lines.append(f"  {id} {self.settled.get(id, 'unsettled')}: {request}")
            lines += [f"      {_told(wait)}" for wait in self.waits.values() if wait.note.delegation == id]
        return [shown(line) for line in lines]


def _told(wait: Wait) -> str:
    kind = wait.note.kind.value
    if wait.woven is None:
        return f"{kind} not woven" + (f": {wait.dropped}" if wait.dropped else "")
    why = f", held because {', then '.join(wait.held)}".replace("_", " ") if wait.held else ""
    waited = max(0.0, wait.woven - wait.laid)
    return f"{kind} woven {waited:.2f} s after it was ready ({wait.reason.replace('_', ' ')}){why}"


def _at(ordered: list[float], share: float) -> float:
    """A quantile, in milliseconds."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
