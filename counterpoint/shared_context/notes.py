"""A note: one thing passed forward by the background model, or laid by the host application."""

import enum

import msgspec

from counterpoint.config import NOTE_TTL_SECONDS
from counterpoint.shared_context.ids import Beat, DelegationId, NoteId, Position


class NoteKind(enum.Enum):
    PROGRESS = "progress"
    PARTIAL = "partial"
    RESULT = "result"
    FAILURE = "failure"
    CORRECTION = "correction"


class Delivery(enum.Enum):
    """How a note wants to be woven. `SILENT` notes enter the context and are never offered for speech."""

    INTERRUPT = "interrupt"
    WHEN_IDLE = "when_idle"
    SILENT = "silent"


class Then(enum.Enum):
    """What becomes of the utterance that a note broke into."""

    RESUME = "resume"
    DROP = "drop"


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a passage was found: a file or an address, and its title."""

    place: str
    title: str = ""


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """`key`: a newer note supersedes an unvoiced older one with the same key (empty: never).

    `ttl` in seconds from when it was laid. `computed_for`: the newest log entry that its author had read; staleness is
    judged by it. `corrects`: the voiced note that this one contradicts. `maybe_heard`: offered again after a host died.
    """

    id: NoteId
    kind: NoteKind
    text: str
    delegation: DelegationId | None = None
    delivery: Delivery = Delivery.WHEN_IDLE
    then: Then = Then.DROP
    key: str = ""
    ttl: float = NOTE_TTL_SECONDS
    computed_for: Position | None = None
    corrects: NoteId | None = None
    maybe_heard: bool = False
    sources: tuple[Source, ...] = ()


class DecisionKind(enum.Enum):
    HOLD = "hold"
    WEAVE = "weave"
    INTERRUPT = "interrupt"
    SILENT = "silent"
    DROP = "drop"


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the weaving policy decided about one note at one beat, and why (a short machine-readable reason)."""

    note: NoteId
    kind: DecisionKind
    reason: str
    beat: Beat
