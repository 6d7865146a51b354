"""Notes as a host tells of them: a span for the wait of each, from ready to its first word. It decides nothing."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from counterpoint import telemetry
from counterpoint.interaction.wait import Wait
from counterpoint.shared_context.entries import Turn
from counterpoint.shared_context.expressed import Boundary, Voiced
from counterpoint.shared_context.ids import Beat, NoteId
from counterpoint.shared_context.notes import Decision, DecisionKind, Note
from counterpoint.telemetry import Event, Is, Label, Span, SpanKind, names

_POSITIONS: Final = {
    Boundary.NONE: "mid_sentence",
    Boundary.WORD: "mid_sentence",
    Boundary.CLAUSE: "boundary",
    Boundary.END: "idle",
}
_WORD: Final = re.compile(r"[a-z][a-z_]{0,39}")

Told = Callable[[Note, str, float], None]
"""Nothing more comes of a note: what became of it, and when."""


class _Laid(msgspec.Struct):
    """A note that is not wholly voiced; its `span` ends with its first word."""

    span: Span
    note: Note
    ready: float
    wait: Wait


class WeaveSpans:
    """`about`: whose conversation it is, on every span. `policy`: what decides, in a word."""

    def __init__(self, about: telemetry.Attributes, policy: str, told: Told) -> None:
        self._about = about
        self._policy = policy
        self._tell_end = told
        self._laid: dict[NoteId, _Laid] = {}
        self._boundary = Boundary.END

    def __bool__(self) -> bool:
        return bool(self._laid)

    def __contains__(self, note: NoteId) -> bool:
        return note in self._laid

    @property
    def waiting(self) -> Span | None:
        """The wait of a note that has not begun to be told: what is slow now, delays it."""
        return next((each.span for each in self._laid.values() if not each.span.ended), None)

    def ready(self, note: Note, beat: Beat, at: float, parent: Span | str | None) -> None:
        attributes: dict[str, telemetry.Value] = {
            Is.NOTE: note.id,
            Is.NOTE_KIND: note.kind.value,
            Is.POLICY: self._policy,
        }
        if note.delegation is not None:
            attributes[Is.DELEGATION] = note.delegation
        if (text := telemetry.captured(note.text)) is not None:
            attributes[Is.TOLD] = text
        span = telemetry.begin(names.WEAVE, SpanKind.INTERNAL, at, attributes, about=self._about, parent=parent)
        self._laid[note.id] = _Laid(span, note, at, Wait(beat))
        self._tell(Event.READY, at, span, {Is.NOTE_KIND: note.kind.value})

    def turn(self, turn: Turn, beat: Beat, at: float) -> None:
        for decision in turn.decisions:
            laid = self._laid.get(decision.note)
            if laid is not None and not laid.span.ended:
                self._decided(laid, decision, beat, at)
        for voiced in turn.voiced:
            if (laid := self._laid.get(voiced.note)) is not None:
                self._voiced(laid, voiced, beat, at)
        self._boundary = turn.boundary

    def dropped(self, note: NoteId, reason: str, beat: Beat, at: float) -> None:
        if (laid := self._laid.get(note)) is not None:
            self._over(laid, _dropped_as(reason), at, beat)

    def expire(self, at: float) -> None:
        for laid in list(self._laid.values()):
            if not laid.span.ended and at - laid.span.began > telemetry.SPAN_SECONDS:
                self._over(laid, "deadline", at)

    def leave(self, outcome: str, at: float) -> None:
        for laid in self._laid.values():
            self._woven(laid, outcome, at)
        self._laid.clear()

    def _decided(self, laid: _Laid, decision: Decision, beat: Beat, at: float) -> None:
        if decision.kind is DecisionKind.HOLD:
            laid.wait.held(decision.reason, decision.beat)
            self._tell(Event.DEFERRED, at, laid.span, {Is.WAIT_REASON: word(decision.reason)})
            return
        laid.wait.offered(decision.reason, decision.beat)
        if decision.kind is DecisionKind.SILENT:
            self._over(laid, "silent", at, beat)

    def _voiced(self, laid: _Laid, voiced: Voiced, beat: Beat, at: float) -> None:
        if voiced.end >= len(laid.note.text.rstrip()):
            self._over(laid, "woven", at, beat)
        else:
            self._woven(laid, "woven", at, beat)

    def _over(self, laid: _Laid, outcome: str, at: float, beat: Beat | None = None) -> None:
        """It was told to its end, or never will be."""
        self._woven(laid, outcome, at, beat)
        del self._laid[laid.note.id]
        self._tell_end(laid.note, outcome, at)

    def _woven(self, laid: _Laid, outcome: str, at: float, beat: Beat | None = None) -> None:
        """The wait of a note ends. Only the first time: a note that was interrupted has had its first word."""
        span = laid.span
        if span.ended:
            return
        reason, seconds = word(laid.wait.reason(beat)), max(at - laid.ready, 0.0)
        span.set({Is.WEAVE_OUTCOME: outcome, Is.WAIT: round(seconds * 1000), Is.WAIT_REASON: reason})
        woven = outcome in ("woven", "silent")
        if beat is not None and woven:
            why = word(laid.wait.woven_for)
            span.set({Is.BEAT: beat, Is.POSITION: _POSITIONS[self._boundary], Is.WOVEN_REASON: why})
        if outcome == "deadline":
            span.fail(outcome)
        told = {Is.WEAVE_OUTCOME: outcome, Is.WAIT_REASON: reason}
        self._tell(Event.WOVEN if woven else Event.DROPPED, at, span, told)
        labels = {Label.POLICY: self._policy, Label.REASON: reason, Label.OUTCOME: outcome}
        telemetry.measure(names.WEAVE_WAIT, seconds, labels, span)
        span.end(at)

    def _tell(self, event: Event, at: float, span: Span, attributes: telemetry.Attributes) -> None:
        telemetry.emit(event, at, span, {**self._about, **attributes})


def word(reason: str) -> str:
    """A policy of the application's own may say anything; a metric takes words only."""
    return reason if _WORD.fullmatch(reason) else "other"


def _dropped_as(reason: str) -> str:
    """Few words for a metric; the log has the sentence."""
    if reason.startswith("superseded"):
        return "superseded"
    if reason.startswith("stale"):
        return "dropped_stale"
    return {"expired": "expired", "withdrawn": "cancelled"}.get(reason, "dropped")
