"""Delegations as the log tells of them: asked, corrected, worked on, settled. It decides nothing."""

from collections.abc import Callable
from typing import assert_never

import msgspec

from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import (
    Amended,
    ApprovalAnswered,
    ApprovalAsked,
    Settled,
    Taken,
    ToolCalled,
    ToolReturned,
    Withdrawn,
)
from counterpoint.shared_context.escaping import cut
from counterpoint.shared_context.ids import Beat, CallId, DelegationId, NoteId, Position
from counterpoint.shared_context.package import Approval, Call, NoteView, Work

CALLS_KEPT = 64
"""Calls of one delegation that are kept; of older ones only their number. Reads that returned are given up first: a
later attempt has to know what was changed, and above all what may have been.
"""

NOTES_KEPT = 64
"""Notes of one delegation that are kept after nothing more is to be expected of them."""

IN_FLIGHT_CHARACTERS = 100_000
"""Arguments and results of work in flight are kept up to this length: the next attempt goes on with them."""

SETTLED_CHARACTERS = 8_000
"""Those of settled work are shortened to this."""

UNNAMED = "unknown"
"""The tool of a call whose beginning was never seen."""


_Called = ToolCalled | ToolReturned | ApprovalAsked
Progressed = Amended | Withdrawn | Taken | Settled | ApprovalAnswered | _Called


class WorkState(msgspec.Struct, omit_defaults=True):
    delegation: Delegation
    asked: Beat
    position: Position
    state: DelegationState = DelegationState.ASKED
    reason: str = ""
    amendments: list[str] = []
    calls: dict[CallId, Call] = {}
    notes: list[NoteId] = []
    omitted: int = 0
    corrected: Position | None = None

    @property
    def size(self) -> int:
        """Characters of its calls."""
        return sum(len(call.arguments) + len(call.result or "") for call in self.calls.values())


class Works:
    """All delegations that a timeline still remembers, by id, in the order in which they were asked for."""

    __slots__ = ("state",)

    def __init__(self, state: dict[DelegationId, WorkState]) -> None:
        self.state = state

    def ask(self, delegation: Delegation, beat: Beat, position: Position) -> None:
        """Asking again for what is over (a dead delegation that is retried) opens it again."""
        known = self.state.get(delegation.id)
        if known is not None:
            known.state = DelegationState.ASKED if known.state.settled else known.state
            return
        if delegation.upto is None:
            delegation = msgspec.structs.replace(delegation, upto=position)
        self.state[delegation.id] = WorkState(delegation, beat, position)

    def apply(self, body: Progressed, position: Position) -> None:
        """Something became of a delegation. Of one that is not known (any more), nothing is remembered."""
        if isinstance(body, ApprovalAnswered):
            self._approval_answered(body)
        elif (work := self.state.get(body.delegation)) is not None:
            _progress(work, body)
            if isinstance(body, Amended):
                work.corrected = position

    def withdraw_all(self, reason: str) -> None:
        for delegation, work in self.state.items():
            _progress(work, Withdrawn(delegation, reason))

    def note(self, delegation: DelegationId, note: NoteId) -> bool:
        """A note was laid; False if its delegation is not known (any more)."""
        work = self.state.get(delegation)
        if work is not None and note not in work.notes:
            work.notes.append(note)
        return work is not None

    def unsettled(self) -> list[Delegation]:
        return [work.delegation for work in self.state.values() if not work.state.settled]

    def tidy(self, closed: Callable[[NoteId], bool]) -> list[NoteId]:
        """Keep the details of every delegation bounded. Returns the notes that it no longer names."""
        return [note for work in self.state.values() for note in _tidied(work, closed)]

    def _approval_answered(self, answered: ApprovalAnswered) -> None:
        """The answer names only the call: it belongs to the newest delegation that asked about it."""
        for work in reversed(self.state.values()):
            call = work.calls.get(answered.call)
            if call is not None and call.approval is not None and call.approval.approved is None:
                approval = Approval(call.approval.question, answered.approved, answered.reason)
                work.calls[answered.call] = msgspec.structs.replace(call, approval=approval)
                return


def _progress(work: WorkState, body: Amended | Withdrawn | Taken | Settled | _Called) -> None:
    match body:
        case Amended():
            work.amendments.append(body.text)
        case Withdrawn():
            if not work.state.settled:
                _end(work, DelegationState.WITHDRAWN, body.reason)
        case Taken():
            if work.state not in (DelegationState.WITHDRAWN, DelegationState.DONE):
                work.state = DelegationState.TAKEN
        case Settled():
            if work.state is not DelegationState.WITHDRAWN:
                _end(work, body.state, body.reason)
        case ToolCalled() | ToolReturned() | ApprovalAsked():
            work.calls[body.call] = _changed(_call(work, body.call), body)
        case _:
            assert_never(body)


def _end(work: WorkState, state: DelegationState, reason: str) -> None:
    work.state, work.reason = state, reason
    for call in work.calls.values():
        work.calls[call.id] = msgspec.structs.replace(
            call,
            arguments=cut(call.arguments, SETTLED_CHARACTERS),
            result=None if call.result is None else cut(call.result, SETTLED_CHARACTERS),
        )


def _call(work: WorkState, call: CallId) -> Call:
    """The call as far as it is known; an old one makes room for a new one."""
    if call not in work.calls and len(work.calls) >= CALLS_KEPT:
        del work.calls[_least_needed(work)]
        work.omitted += 1
    return work.calls.get(call) or Call(call, UNNAMED, "")


def _least_needed(work: WorkState) -> CallId:
    returned = [call for call in work.calls.values() if call.result is not None]
    reads = [call for call in returned if call.effects == "read"]
    return next(iter(reads or returned or work.calls.values())).id


def _changed(call: Call, body: _Called) -> Call:
    match body:
        case ToolCalled():
            return msgspec.structs.replace(
                call,
                tool=body.tool,
                arguments=cut(body.arguments, IN_FLIGHT_CHARACTERS),
                effects=body.effects,
                idempotent=body.idempotent,
            )
        case ToolReturned():
            return msgspec.structs.replace(call, result=cut(body.result, IN_FLIGHT_CHARACTERS), failed=body.failed)
        case ApprovalAsked():
            return msgspec.structs.replace(call, approval=Approval(body.question))


def _tidied(work: WorkState, closed: Callable[[NoteId], bool]) -> list[NoteId]:
    too_many = len(work.notes) - NOTES_KEPT
    if too_many <= 0:
        return []
    gone = [note for note in work.notes if closed(note)][:too_many]
    work.notes = [note for note in work.notes if note not in gone]
    return gone


def view_of(state: WorkState, notes: tuple[NoteView, ...]) -> Work:
    return Work(
        delegation=state.delegation,
        state=state.state,
        asked=state.asked,
        amendments=tuple(state.amendments),
        calls=tuple(state.calls.values()),
        notes=notes,
        reason=state.reason,
        omitted=state.omitted,
    )
