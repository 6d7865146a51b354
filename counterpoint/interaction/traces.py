"""What a host's log means to whoever watches: one trace per delegation, a span for each note that waits to be woven.

It is told of every entry as it is written or followed, and decides nothing. Dates come with the entries.
"""

import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from counterpoint import telemetry
from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.wait import Wait
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.endings import STORE
from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Body,
    Closed,
    Degraded,
    Gap,
    NoteDropped,
    NoteLaid,
    Recovered,
    Settled,
    Stored,
    Taken,
    Turn,
    Withdrawn,
)
from counterpoint.shared_context.expressed import Boundary, Voiced
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, NoteId
from counterpoint.shared_context.notes import DecisionKind, Note, NoteKind
from counterpoint.telemetry import Event, Is, Label, Span, SpanKind, names

_POSITIONS: Final = {
    Boundary.NONE: "mid_sentence",
    Boundary.WORD: "mid_sentence",
    Boundary.CLAUSE: "boundary",
    Boundary.END: "idle",
}
_WORD: Final = re.compile(r"[a-z][a-z_]{0,39}")
_overruns: Final = telemetry.TokenBucket()
"""One for the process: a machine that is too slow is too slow for all its sessions."""


class _Work(msgspec.Struct):
    """A delegation that was asked and not told to its end. `open`: notes of it that are not wholly voiced."""

    span: Span
    asked: float
    first: float | None = None
    settled: str = ""
    outcome: str = ""
    notes: int = 0
    open: set[NoteId] = msgspec.field(default_factory=set[NoteId])


class _Laid(msgspec.Struct):
    """A note that is not wholly voiced; its `span` ends with its first word."""

    span: Span
    note: Note
    ready: float
    wait: Wait


class Traces:
    """Of one session. `epoch`: of its host. `policy`, `engine`: what decides and what speaks, in a word. `clock`:
    seconds since 1970.
    """

    def __init__(
        self,
        conversation: ConversationId,
        epoch: int,
        *,
        queue: str,
        policy: str,
        engine: str,
        backend: str,
        clock: Callable[[], float],
    ) -> None:
        self._about: telemetry.Attributes = {
            Is.CONVERSATION: conversation,
            Is.SESSION: conversation,
            Is.EPOCH: epoch,
        }
        self._conversation = conversation
        self._queue = queue
        self._policy = policy
        self._backend = backend
        self._clock = clock
        self._work: dict[DelegationId, _Work] = {}
        self._laid: dict[NoteId, _Laid] = {}
        self._past: dict[DelegationId, str] = {}
        self._boundary = Boundary.END
        self._in_time: telemetry.Attributes = {Label.OUTCOME: "ok", Label.ENGINE: engine}
        self._overrun: telemetry.Attributes = {Label.OUTCOME: "overrun", Label.ENGINE: engine}

    # what it is told

    def read(self, stored: Stored) -> None:
        """The log as an earlier host left it: the trace that each delegation belongs to."""
        delegation, trace = _delegation_of(stored.entry.body), stored.entry.header.trace
        if delegation is not None and trace is not None:
            self._past.setdefault(delegation, trace)

    def take_up(self, unsettled: Iterable[Delegation], notes: Iterable[Note], beat: Beat) -> None:
        """This host goes on with what another one was asked, in the traces in which it began."""
        at = self._clock()
        for delegation in unsettled:
            self._begin(delegation, at, resumed=True)
        for note in notes:
            if note.delegation is not None and note.delegation not in self._work:
                self._begin(Delegation(note.delegation, self._conversation, ""), at, resumed=True)
                self._work[note.delegation].settled = DelegationState.DONE.value
            self._ready(note, beat, at)

    def wrote(self, body: Body, beat: Beat, at: float) -> str | None:
        """This host writes an entry. Returns the trace to write into its header."""
        about = _delegation_of(body)
        work = self._work.get(about) if about is not None else None
        match body:
            case Asked(delegation=delegation):
                self._begin(delegation, at)
            case Turn():
                self._turn(body, beat, at)
            case Withdrawn(delegation=delegation, reason=reason):
                self._withdrawn(delegation, reason, at)
            case NoteLaid(note=note):
                self._ready(note, beat, at)
            case NoteDropped(note=note, reason=reason):
                self._dropped(note, reason, beat, at)
            case Gap(first=first, last=last, reason=reason) if reason != "paused":
                telemetry.measure(names.BEAT_COUNT, last - first + 1, {Label.OUTCOME: "skipped"})
            case Degraded():
                telemetry.emit(Event.DEGRADED, at, None, {**self._about, Label.BACKEND: self._backend})
            case Recovered(entries=entries, given_up=given_up):
                told = {Is.WAITED: entries, Is.GIVEN_UP: given_up, Label.BACKEND: self._backend}
                telemetry.emit(Event.RECOVERED, at, None, {**self._about, **told})
            case Closed():
                self.leave("closed", at)
            case _:
                pass
        work = work or (self._work.get(about) if about is not None else None)
        return work.span.traceparent if work else None

    def followed(self, stored: Stored, beat: Beat) -> None:
        """Somebody else wrote an entry. What it means here begins now, by this host's clock."""
        header, at = stored.entry.header, self._clock()
        telemetry.measure(names.STORE_WAKE, max(at - header.at, 0.0), {Label.BACKEND: self._backend})
        match stored.entry.body:
            case NoteLaid(note=note):
                self._ready(note, beat, at)
            case Settled(delegation=delegation, state=state):
                self._settled(delegation, state, at, told_by_store=header.writer == STORE)
            case _:
                pass

    def stepped(self, late: float, seconds: float, beats: int, at: float) -> None:
        """One step was made; it covered so many beats (0: an early part). `at`: seconds of the loop's clock."""
        self._expire()
        overrun = seconds > max(beats, 1) * BEAT_SECONDS
        labels = self._overrun if overrun else self._in_time
        span = next((each.span for each in self._laid.values() if not each.span.ended), None)
        telemetry.measure(names.BEAT_LAG, late, _NO_LABELS, span)
        telemetry.measure(names.BEAT_DURATION, seconds, labels, span)
        telemetry.measure(names.BEAT_COUNT, max(beats, 1), labels)
        if overrun:
            _overruns.spend(at, lambda more: self._tell_overrun(late, seconds, more, span))

    def leave(self, outcome: str, at: float | None = None) -> None:
        """Whatever is still open ends with this session."""
        at = self._clock() if at is None else at
        for laid in self._laid.values():
            self._woven(laid, outcome, at)
        self._laid.clear()
        for delegation in list(self._work):
            self._end(delegation, outcome, at)

    # delegations

    def _begin(self, delegation: Delegation, at: float, *, resumed: bool = False) -> None:
        parent = self._past.get(delegation.id) if resumed else None
        attributes: dict[str, telemetry.Value] = {
            Is.OPERATION: names.INVOKE_AGENT,
            Is.AGENT: names.BACKGROUND,
            Is.CALLER_TYPE: "agent",
            Is.CALLER: names.INTERACTION,
            Is.DELEGATION: delegation.id,
            Is.QUEUE: self._queue,
            Is.DEADLINE: round(delegation.seconds * 1000),
        }
        if resumed:
            attributes[Is.RESUMED] = True
        if (request := telemetry.captured(delegation.request)) is not None:
            attributes[Is.ASKED_FOR] = request
        span = telemetry.begin(
            f"{names.INVOKE_AGENT} {names.BACKGROUND}", SpanKind.CLIENT, at, attributes, about=self._about,
            parent=parent, links=(parent,),
        )  # fmt: skip
        self._work[delegation.id] = _Work(span, at)
        telemetry.measure(names.DELEGATION_ACTIVE, 1, _AGENT)
        if not resumed:
            self._tell(Event.REQUESTED, at, span, {Is.DELEGATION: delegation.id})

    def _settled(self, delegation: DelegationId, state: DelegationState, at: float, *, told_by_store: bool) -> None:
        work = self._work.get(delegation)
        if work is None:
            return
        work.settled = state.value
        if told_by_store:
            self._tell(Event.FAILED, at, work.span, {Is.DELEGATION: delegation, Is.ERROR: "given_up"})
        self._end_if_told(delegation, at)

    def _withdrawn(self, delegation: DelegationId, reason: str, at: float) -> None:
        work = self._work.get(delegation)
        if work is None:
            return
        expired = reason.startswith("expired")
        work.settled = (DelegationState.EXPIRED if expired else DelegationState.WITHDRAWN).value
        self._tell(Event.CANCELLED, at, work.span, {Is.DELEGATION: delegation})
        self._end_if_told(delegation, at)

    def _end_if_told(self, delegation: DelegationId, at: float) -> None:
        work = self._work.get(delegation)
        if work is not None and work.settled and not work.open:
            self._end(delegation, _OUTCOMES.get(work.settled) or work.outcome or "silent", at)

    def _end(self, delegation: DelegationId, outcome: str, at: float) -> None:
        work = self._work.pop(delegation)
        work.span.set({Is.OUTCOME: outcome, Is.NOTES: work.notes})
        if error := _ERRORS.get(outcome):
            work.span.fail(error if work.settled != DelegationState.NEEDS_REVIEW.value else work.settled)
        work.span.end(at)
        labels = {Label.AGENT: names.BACKGROUND, Label.OUTCOME: outcome}
        telemetry.measure(names.DELEGATION_ACTIVE, -1, _AGENT)
        telemetry.measure(names.DELEGATION_COUNT, 1, labels)
        telemetry.measure(names.DELEGATION_DURATION, max(at - work.asked, 0.0), labels, work.span)

    def _expire(self) -> None:
        """No span is longer than a trace may be."""
        if not self._work and not self._laid:
            return
        at = self._clock()
        for laid in self._laid.values():
            if not laid.span.ended and at - laid.span.began > telemetry.SPAN_SECONDS:
                self._woven(laid, "deadline", at)
        for delegation, work in list(self._work.items()):
            if at - work.span.began > telemetry.SPAN_SECONDS:
                self._end(delegation, "deadline", at)

    # notes

    def _ready(self, note: Note, beat: Beat, at: float) -> None:
        if note.id in self._laid:
            return
        work = self._work_of(note)
        attributes: dict[str, telemetry.Value] = {
            Is.NOTE: note.id,
            Is.NOTE_KIND: note.kind.value,
            Is.POLICY: self._policy,
        }
        if note.delegation is not None:
            attributes[Is.DELEGATION] = note.delegation
        if (text := telemetry.captured(note.text)) is not None:
            attributes[Is.TOLD] = text
        parent = work.span if work else self._past.get(note.delegation) if note.delegation is not None else None
        span = telemetry.begin(names.WEAVE, SpanKind.INTERNAL, at, attributes, about=self._about, parent=parent)
        self._laid[note.id] = _Laid(span, note, at, Wait(beat))
        self._tell(Event.READY, at, span, {Is.NOTE_KIND: note.kind.value})
        if work is not None:
            work.notes += 1
            work.open.add(note.id)
            if work.first is None:
                work.first = at
                telemetry.measure(names.FIRST_CHUNK, max(at - work.asked, 0.0), _AGENT, work.span)

    def _turn(self, turn: Turn, beat: Beat, at: float) -> None:
        for decision in turn.decisions:
            laid = self._laid.get(decision.note)
            if laid is None or laid.span.ended:
                continue
            if decision.kind is DecisionKind.HOLD:
                laid.wait.held(decision.reason, decision.beat)
                self._tell(Event.DEFERRED, at, laid.span, {Is.WAIT_REASON: _word(decision.reason)})
            else:
                laid.wait.offered(decision.reason, decision.beat)
            if decision.kind is DecisionKind.SILENT:
                self._woven(laid, "silent", at, beat)
                self._told(laid, "silent", at)
        for voiced in turn.voiced:
            if (laid := self._laid.get(voiced.note)) is not None:
                self._voiced(laid, voiced, beat, at)
        self._boundary = turn.boundary

    def _voiced(self, laid: _Laid, voiced: Voiced, beat: Beat, at: float) -> None:
        self._woven(laid, "woven", at, beat)
        if voiced.end >= len(laid.note.text.rstrip()):
            self._told(laid, "woven", at)

    def _dropped(self, note: NoteId, reason: str, beat: Beat, at: float) -> None:
        if (laid := self._laid.get(note)) is not None:
            outcome = _dropped_as(reason)
            self._woven(laid, outcome, at, beat)
            self._told(laid, outcome, at)

    def _woven(self, laid: _Laid, outcome: str, at: float, beat: Beat | None = None) -> None:
        """The wait of a note ends. Only the first time: a note that was interrupted has had its first word."""
        span = laid.span
        if span.ended:
            return
        reason, seconds = _word(laid.wait.reason(beat)), max(at - laid.ready, 0.0)
        span.set({Is.WEAVE_OUTCOME: outcome, Is.WAIT: round(seconds * 1000), Is.WAIT_REASON: reason})
        woven = outcome in ("woven", "silent")
        if beat is not None and woven:
            why = _word(laid.wait.woven_for)
            span.set({Is.BEAT: beat, Is.POSITION: _POSITIONS[self._boundary], Is.WOVEN_REASON: why})
        if outcome == "deadline":
            span.fail(outcome)
        told = {Is.WEAVE_OUTCOME: outcome, Is.WAIT_REASON: reason}
        self._tell(Event.WOVEN if woven else Event.DROPPED, at, span, told)
        labels = {Label.POLICY: self._policy, Label.REASON: reason, Label.OUTCOME: outcome}
        telemetry.measure(names.WEAVE_WAIT, seconds, labels, span)
        span.end(at)

    def _told(self, laid: _Laid, outcome: str, at: float) -> None:
        del self._laid[laid.note.id]
        work = self._work_of(laid.note)
        if work is None or laid.note.delegation is None:
            return
        work.open.discard(laid.note.id)
        if laid.note.kind is not NoteKind.PROGRESS:
            work.outcome = outcome
        self._end_if_told(laid.note.delegation, at)

    def _work_of(self, note: Note) -> _Work | None:
        return self._work.get(note.delegation) if note.delegation is not None else None

    # how it is said

    def _tell(self, event: Event, at: float, span: Span, attributes: telemetry.Attributes) -> None:
        telemetry.emit(event, at, span, {**self._about, **attributes})

    def _tell_overrun(self, late: float, seconds: float, more: int, span: Span | None) -> None:
        told = {Is.LATE: round(late * 1000), Is.LASTED: round(seconds * 1000), Is.SUPPRESSED: more}
        telemetry.emit(Event.OVERRUN, self._clock(), span, {**self._about, **told})


_NO_LABELS: Final[telemetry.Attributes] = {}
_AGENT: Final[telemetry.Attributes] = {Label.AGENT: names.BACKGROUND}
_OUTCOMES: Final = {
    DelegationState.FAILED.value: "failed",
    DelegationState.NEEDS_REVIEW.value: "failed",
    DelegationState.EXPIRED.value: "expired",
    DelegationState.WITHDRAWN.value: "cancelled",
}
"""What is done is called by what became of its last note."""
_ERRORS: Final = {"failed": "failed", "expired": "expired", "deadline": "deadline"}


def _delegation_of(body: Body) -> DelegationId | None:
    match body:
        case Asked(delegation=delegation):
            return delegation.id
        case Amended(delegation=delegation) | Withdrawn(delegation=delegation) | Taken(delegation=delegation):
            return delegation
        case NoteLaid(note=note):
            return note.delegation
        case _:
            return None


def _dropped_as(reason: str) -> str:
    """Few words for a metric; the log has the sentence."""
    if reason.startswith("superseded"):
        return "superseded"
    if reason.startswith("stale"):
        return "dropped_stale"
    return {"expired": "expired", "withdrawn": "cancelled"}.get(reason, "dropped")


def _word(reason: str) -> str:
    """A policy of the application's own may say anything; a metric takes words only."""
    return reason if _WORD.fullmatch(reason) else "other"
