"""Delegations as a host tells of them: one span each, from asked to the last note told. It decides nothing."""

from typing import Final

import msgspec

from counterpoint import telemetry
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.ids import ConversationId, DelegationId, NoteId
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.telemetry import Event, Is, Label, Span, SpanKind, names

_AGENT: Final[telemetry.Attributes] = {Label.AGENT: names.BACKGROUND}
_OUTCOMES: Final = {
    DelegationState.FAILED: "failed",
    DelegationState.NEEDS_REVIEW: "failed",
    DelegationState.EXPIRED: "expired",
    DelegationState.WITHDRAWN: "cancelled",
}
"""What is done is called by what became of its last note."""
_ERRORS: Final = {"failed": "failed", "expired": "expired", "deadline": "deadline"}


class _Work(msgspec.Struct):
    """A delegation that was asked and not told to its end. `open`: notes of it that are not wholly voiced."""

    span: Span
    asked: float
    first: float | None = None
    settled: DelegationState | None = None
    outcome: str = ""
    notes: int = 0
    open: set[NoteId] = msgspec.field(default_factory=set[NoteId])


class DelegationSpans:
    """`about`: whose conversation it is, on every span. `queue`: where this host asks."""

    def __init__(self, conversation: ConversationId, about: telemetry.Attributes, queue: str) -> None:
        self._conversation = conversation
        self._about = about
        self._queue = queue
        self._work: dict[DelegationId, _Work] = {}
        self._past: dict[DelegationId, str] = {}

    def __bool__(self) -> bool:
        return bool(self._work)

    def traceparent(self, delegation: DelegationId | None) -> str | None:
        work = self._work.get(delegation) if delegation is not None else None
        return work.span.traceparent if work else None

    def belonged(self, delegation: DelegationId, trace: str) -> None:
        """An earlier host's log: the trace that a delegation began in is that of the oldest entry about it."""
        self._past.setdefault(delegation, trace)

    def begin(self, delegation: Delegation, at: float, *, resumed: bool = False) -> None:
        """`resumed`: another host was asked; the trace goes on."""
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

    def settled(self, delegation: DelegationId, state: DelegationState, at: float, *, told_by_store: bool) -> None:
        work = self._work.get(delegation)
        if work is None:
            return
        work.settled = state
        if told_by_store:
            self._tell(Event.FAILED, at, work.span, {Is.DELEGATION: delegation, Is.ERROR: "given_up"})
        self._end_if_told(delegation, at)

    def withdrawn(self, delegation: DelegationId, reason: str, at: float) -> None:
        work = self._work.get(delegation)
        if work is None:
            return
        work.settled = DelegationState.EXPIRED if reason.startswith("expired") else DelegationState.WITHDRAWN
        self._tell(Event.CANCELLED, at, work.span, {Is.DELEGATION: delegation})
        self._end_if_told(delegation, at)

    def goes_on(self, note: Note, at: float) -> None:
        """A note that an earlier host was given and did not tell to its end: there may be nothing else left to do."""
        if note.delegation is not None and note.delegation not in self._work:
            self.begin(Delegation(note.delegation, self._conversation, ""), at, resumed=True)
            self._work[note.delegation].settled = DelegationState.DONE

    def laid(self, note: Note, at: float) -> Span | str | None:
        """What the span of this note stands below."""
        if note.delegation is None:
            return None
        work = self._work.get(note.delegation)
        if work is None:
            return self._past.get(note.delegation)
        work.notes += 1
        work.open.add(note.id)
        if work.first is None:
            work.first = at
            telemetry.measure(names.FIRST_CHUNK, max(at - work.asked, 0.0), _AGENT, work.span)
        return work.span

    def told(self, note: Note, outcome: str, at: float) -> None:
        """Nothing more comes of a note."""
        work = self._work.get(note.delegation) if note.delegation is not None else None
        if work is None or note.delegation is None:
            return
        work.open.discard(note.id)
        if note.kind is not NoteKind.PROGRESS:
            work.outcome = outcome
        self._end_if_told(note.delegation, at)

    def expire(self, at: float) -> None:
        for delegation, work in list(self._work.items()):
            if at - work.span.began > telemetry.SPAN_SECONDS:
                self._end(delegation, "deadline", at)

    def leave(self, outcome: str, at: float) -> None:
        for delegation in list(self._work):
            self._end(delegation, outcome, at)

    def _end_if_told(self, delegation: DelegationId, at: float) -> None:
        work = self._work.get(delegation)
        if work is not None and work.settled is not None and not work.open:
            self._end(delegation, _OUTCOMES.get(work.settled) or work.outcome or "silent", at)

    def _end(self, delegation: DelegationId, outcome: str, at: float) -> None:
        work = self._work.pop(delegation)
        work.span.set({Is.OUTCOME: outcome, Is.NOTES: work.notes})
        if error := _ERRORS.get(outcome):
            work.span.fail("needs_review" if work.settled is DelegationState.NEEDS_REVIEW else error)
        work.span.end(at)
        labels = {Label.AGENT: names.BACKGROUND, Label.OUTCOME: outcome}
        telemetry.measure(names.DELEGATION_ACTIVE, -1, _AGENT)
        telemetry.measure(names.DELEGATION_COUNT, 1, labels)
        telemetry.measure(names.DELEGATION_DURATION, max(at - work.asked, 0.0), labels, work.span)

    def _tell(self, event: Event, at: float, span: Span, attributes: telemetry.Attributes) -> None:
        telemetry.emit(event, at, span, {**self._about, **attributes})
