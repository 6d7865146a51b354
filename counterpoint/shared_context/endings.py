"""What a store itself writes into a conversation, so that whatever was begun there ends exactly once."""

from collections.abc import Iterable

from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import Body, NoteLaid, Settled, Withdrawn
from counterpoint.shared_context.ids import DelegationId, NoteId, WriterId
from counterpoint.shared_context.notes import Note, NoteKind

STORE = WriterId("store")
"""The writer of these entries: under the epoch that fences the lost worker, or of the host that closes."""


def given_up(delegation: Delegation, epoch: int) -> tuple[NoteLaid, Settled]:
    """The one report of a delegation whose workers were all lost. `epoch` tells it from one after a `retry`."""
    note = Note(
        NoteId(f"{delegation.id}-given-up-{epoch}"),
        NoteKind.FAILURE,
        f"This could not be done, {delegation.attempts} attempts broke off: {delegation.request}",
        delegation=delegation.id,
        computed_for=delegation.upto,
    )
    return NoteLaid(note), Settled(delegation.id, DelegationState.FAILED, reason_given_up(delegation))


def reason_given_up(delegation: Delegation) -> str:
    return f"given up: the leases of {delegation.attempts} attempts ran out"


def withdrawn_at_close(delegations: Iterable[DelegationId]) -> list[Body]:
    return [Withdrawn(delegation, "the conversation was closed") for delegation in delegations]
