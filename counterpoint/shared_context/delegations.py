"""A delegation: work handed to the background model."""

import enum

import msgspec

from counterpoint.shared_context.ids import ConversationId, DelegationId, Position


class DelegationState(enum.Enum):
    ASKED = "asked"
    TAKEN = "taken"
    DONE = "done"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    NEEDS_REVIEW = "needs_review"

    @property
    def settled(self) -> bool:
        return self not in (DelegationState.ASKED, DelegationState.TAKEN)


class Priority(enum.IntEnum):
    HIGH = 0
    NORMAL = 1
    LOW = 2


class Delegation(msgspec.Struct, frozen=True, omit_defaults=True):
    """`request`: the interaction model's own words for what is wanted; the worker reads the whole log besides.

    `upto`: the log entry that asked (set by the store when it is offered). `seconds`: the limit for the whole work.
    `version`: the least version of records that a worker must understand.
    """

    id: DelegationId
    conversation: ConversationId
    request: str
    priority: Priority = Priority.NORMAL
    queue: str = "default"
    seconds: float = 120.0
    upto: Position | None = None
    attempts: int = 0
    version: int = 1
