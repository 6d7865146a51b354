"""What a host's log means to whoever watches: one trace per delegation, a span for each note that waits to be woven.

It is told of every entry as it is written or followed, and decides nothing. Dates come with the entries.
"""

from collections.abc import Callable, Iterable
from typing import Final

from counterpoint import telemetry
from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.delegation_spans import DelegationSpans
from counterpoint.interaction.weave_spans import WeaveSpans
from counterpoint.shared_context.delegations import Delegation
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
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId
from counterpoint.shared_context.notes import Delivery, Note
from counterpoint.telemetry import Event, Is, Label, names

_NO_LABELS: Final[telemetry.Attributes] = {}
_overruns: Final = telemetry.TokenBucket()
"""One for the process: a machine that is too slow is too slow for all its sessions."""


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
        self._backend = backend
        self._clock = clock
        self._delegations = DelegationSpans(conversation, self._about, queue)
        self._notes = WeaveSpans(self._about, policy, self._delegations.told)
        self._in_time: telemetry.Attributes = {Label.OUTCOME: "ok", Label.ENGINE: engine}
        self._overrun: telemetry.Attributes = {Label.OUTCOME: "overrun", Label.ENGINE: engine}

    def read(self, stored: Stored) -> None:
        """The log as an earlier host left it: the trace that each delegation belongs to."""
        delegation, trace = _delegation_of(stored.entry.body), stored.entry.header.trace
        if delegation is not None and trace is not None:
            self._delegations.belonged(delegation, trace)

    def take_up(self, unsettled: Iterable[Delegation], notes: Iterable[Note], beat: Beat) -> None:
        """This host goes on with what another one was asked, in the traces in which it began."""
        at = self._clock()
        for delegation in unsettled:
            self._delegations.begin(delegation, at, resumed=True)
        for note in notes:
            self._delegations.goes_on(note, at)
            self._ready(note, beat, at)

    def wrote(self, body: Body, beat: Beat, at: float) -> str | None:
        """This host writes an entry. Returns the trace to write into its header."""
        about = _delegation_of(body)
        before = self._delegations.traceparent(about)
        match body:
            case Asked(delegation=delegation):
                self._delegations.begin(delegation, at)
            case Turn():
                self._notes.turn(body, beat, at)
            case Withdrawn(delegation=delegation, reason=reason):
                self._delegations.withdrawn(delegation, reason, at)
            case NoteLaid(note=note):
                self._ready(note, beat, at)
            case NoteDropped(note=note, reason=reason):
                self._notes.dropped(note, reason, beat, at)
            case Gap(first=first, last=last, reason=reason) if reason != "paused":
                telemetry.measure(names.BEAT_COUNT, last - first + 1, {Label.OUTCOME: "skipped"})
            case Degraded():
                self._tell(Event.DEGRADED, at, {Label.BACKEND: self._backend})
            case Recovered(entries=entries, given_up=given_up):
                self._tell(
                    Event.RECOVERED, at, {Is.WAITED: entries, Is.GIVEN_UP: given_up, Label.BACKEND: self._backend}
                )
            case Closed():
                self.leave("closed", at)
            case _:
                pass
        return before or self._delegations.traceparent(about)

    def followed(self, stored: Stored, beat: Beat) -> None:
        """Somebody else wrote an entry. What it means here begins now, by this host's clock."""
        header, at = stored.entry.header, self._clock()
        telemetry.measure(names.STORE_WAKE, max(at - header.at, 0.0), {Label.BACKEND: self._backend})
        match stored.entry.body:
            case NoteLaid(note=note):
                self._ready(note, beat, at)
            case Settled(delegation=delegation, state=state):
                self._delegations.settled(delegation, state, at, told_by_store=header.writer == STORE)
            case _:
                pass

    def stepped(self, late: float, seconds: float, beats: int, at: float) -> None:
        """One step was made; it covered so many beats (0: an early part). `at`: seconds of the loop's clock."""
        if self._delegations or self._notes:
            self._expire()
        overrun = seconds > max(beats, 1) * BEAT_SECONDS
        labels, waiting = self._overrun if overrun else self._in_time, self._notes.waiting
        telemetry.measure(names.BEAT_LAG, late, _NO_LABELS, waiting)
        telemetry.measure(names.BEAT_DURATION, seconds, labels, waiting)
        telemetry.measure(names.BEAT_COUNT, max(beats, 1), labels)
        if overrun:
            _overruns.spend(at, lambda more: self._tell_overrun(late, seconds, more))

    def leave(self, outcome: str, at: float | None = None) -> None:
        """Whatever is still open ends with this session."""
        at = self._clock() if at is None else at
        self._notes.leave(outcome, at)
        self._delegations.leave(outcome, at)

    def _ready(self, note: Note, beat: Beat, at: float) -> None:
        """What nobody is to hear (data of a tool, say) waits for no moment."""
        if note.delivery is not Delivery.SILENT and note.id not in self._notes:
            self._notes.ready(note, beat, at, self._delegations.laid(note, at))

    def _expire(self) -> None:
        """No span is longer than a trace may be."""
        at = self._clock()
        self._notes.expire(at)
        self._delegations.expire(at)

    def _tell(self, event: Event, at: float, attributes: telemetry.Attributes) -> None:
        telemetry.emit(event, at, self._notes.waiting, {**self._about, **attributes})

    def _tell_overrun(self, late: float, seconds: float, more: int) -> None:
        told = {Is.LATE: round(late * 1000), Is.LASTED: round(seconds * 1000), Is.SUPPRESSED: more}
        self._tell(Event.OVERRUN, self._clock(), told)


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
