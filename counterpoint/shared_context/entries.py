"""The entries of a conversation's log: one header, and one body out of a closed set of kinds.

Whoever reads a log written by a newer version meets kinds it does not know; they decode to `Unknown` and are kept.
"""

import enum
from typing import Final

import msgspec

from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.expressed import Action, Boundary, Floor, Voiced
from counterpoint.shared_context.ids import (
    Beat,
    CallId,
    DelegationId,
    MediaId,
    NoteId,
    Position,
    SessionId,
    WriterId,
)
from counterpoint.shared_context.notes import Decision, Note
from counterpoint.shared_context.resume_token import ResumeToken

VERSION = 1
"""Version of the records that this code writes."""


class Role(enum.Enum):
    HOST = "host"
    WORKER = "worker"


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """`seq` is gapless from 1 per writer and epoch. `beat` is the conversation's beat where the writer knows it.

    `at`: seconds since 1970. `cause`: the entry that this one answers. `trace`: W3C `traceparent`.
    """

    role: Role
    writer: WriterId
    epoch: int
    seq: int
    at: float
    beat: Beat | None = None
    cause: Position | None = None
    trace: str | None = None
    version: int = VERSION


class _Body(msgspec.Struct, frozen=True, tag_field="kind", omit_defaults=True):
    pass


class Terms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the decisions of a session depend on besides its log, so that they can be replayed from it.

    `cadence`: beats per step. `buffer`: beats that the listener holds. `served`, `queue`: who takes delegations.
    `itself`: the model times the notes. `policy`: `module:name`. `tail`: the newest entry that the session took up.
    """

    cadence: int = 1
    buffer: int = 0
    served: bool = True
    queue: str = "default"
    itself: bool = False
    policy: str = ""
    tail: Position = Position(0)


class Opened(_Body, frozen=True, tag="opened"):
    """A host opened a session, and with it a new epoch. `model` names what is speaking. `token`: with what the listener
    of an earlier session came back; how far it had played, which reports in the log may not tell.
    """

    session: SessionId
    instructions: str = ""
    greeting: str = ""
    model: str = ""
    start: Beat = Beat(0)
    terms: Terms | None = None
    token: ResumeToken | None = None


class MediaRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """Media are kept beside the log; `seconds` long, `size` bytes."""

    id: MediaId
    modality: str
    seconds: float = 0.0
    size: int = 0


class Unheard(msgspec.Struct, frozen=True, omit_defaults=True):
    """The end of what the agent expressed that the listener never played: `text`, said from `since` on."""

    since: Beat
    text: str


OWN_NOTE: Final = Position(0)
"""Among what arrived: a note of the application's; it is the host's next `NoteLaid`."""

OWN_TOO_LATE: Final = Position(-1)
"""Among what arrived: the answer that a wish came too late; it is the host's next `TooLate`."""


OWN_STORE: Final = Position(-2)
"""Among what arrived: the store went away, or came back; it is the host's next `Degraded` or `Recovered`."""


class Wake(msgspec.Struct, frozen=True, omit_defaults=True):
    """Early in `beat` the first `arrived` of what a micro-turn names were taken in, and no step came of it."""

    beat: Beat
    arrived: int


class Turn(_Body, frozen=True, tag="turn"):
    """One micro-turn that was not empty. Its beat stands in the header; a late step covers `span` beats.

    `part` counts the early steps before the grid step of the same beat (the grid step is 0). `arrived`: log positions
    of other writers' entries taken in before it, in order, and `OWN_NOTE`, `OWN_TOO_LATE`, `OWN_STORE`. `wakes`: which
    of them were taken in before the step itself. `samples`: length of the audio that was expressed. A `span` of 0
    without a part is no step: the session ended with this taken in.
    """

    part: int = 0
    span: int = 1
    texts: tuple[TextChunk, ...] = ()
    media: tuple[MediaRef, ...] = ()
    arrived: tuple[Position, ...] = ()
    wakes: tuple[Wake, ...] = ()
    unheard: Unheard | None = None
    woven: tuple[NoteId, ...] = ()
    text: str = ""
    samples: int = 0
    understood: str = ""
    floor: Floor | None = None
    boundary: Boundary = Boundary.END
    voiced: tuple[Voiced, ...] = ()
    actions: tuple[Action, ...] = ()
    unsaid: str = ""
    flush: bool = False
    decisions: tuple[Decision, ...] = ()


class Played(_Body, frozen=True, tag="played"):
    """The listener played the micro-turn (`turn`, `part`) up to `words` words or `samples` samples of it.

    `assumed`: nobody acknowledged it in time. `cut`: the rest of it was flushed and will never be played. With neither
    it is what the listener reported.
    """

    turn: Beat
    part: int = 0
    words: int | None = None
    samples: int | None = None
    assumed: bool = False
    cut: bool = False


class Asked(_Body, frozen=True, tag="asked"):
    delegation: Delegation


class Amended(_Body, frozen=True, tag="amended"):
    delegation: DelegationId
    text: str


class Withdrawn(_Body, frozen=True, tag="withdrawn"):
    delegation: DelegationId
    reason: str = ""


class TooLate(_Body, frozen=True, tag="too_late"):
    """What the host wished came too late: the delegation was settled already, or its time was over before the store
    could be told of it. Nothing of the wish took effect.
    """

    wish: Asked | Amended | Withdrawn


class Taken(_Body, frozen=True, tag="taken"):
    delegation: DelegationId
    attempt: int = 1


class NoteLaid(_Body, frozen=True, tag="note"):
    note: Note


class NoteDropped(_Body, frozen=True, tag="note_dropped"):
    """The one report of a note that will never be (wholly) heard, and why."""

    note: NoteId
    reason: str


class ToolCalled(_Body, frozen=True, tag="tool_called"):
    """`arguments`: JSON. `effects`: "read" or "write"; `idempotent`: may be repeated after a crash."""

    delegation: DelegationId
    call: CallId
    tool: str
    arguments: str
    effects: str = "read"
    idempotent: bool = True


class ToolReturned(_Body, frozen=True, tag="tool_returned"):
    """`result`: JSON or text, possibly cut to a limit; untrusted data."""

    delegation: DelegationId
    call: CallId
    result: str
    failed: bool = False
    seconds: float = 0.0


class ApprovalAsked(_Body, frozen=True, tag="approval_asked"):
    delegation: DelegationId
    call: CallId
    question: str


class ApprovalAnswered(_Body, frozen=True, tag="approval_answered"):
    call: CallId
    approved: bool
    reason: str = ""


class Settled(_Body, frozen=True, tag="settled"):
    delegation: DelegationId
    state: DelegationState
    reason: str = ""
    tokens: int = 0


class Gap(_Body, frozen=True, tag="gap"):
    """Beats `first` to `last` were not lived through."""

    first: Beat
    last: Beat
    reason: str


class MediaFault(_Body, frozen=True, tag="media_fault"):
    """Seconds of one modality that had to be made up (`concealed`) or could not be used (`discarded`)."""

    modality: str
    concealed: float = 0.0
    discarded: float = 0.0
    reason: str = ""


class Degraded(_Body, frozen=True, tag="degraded"):
    """The store could not be written from here on; the conversation went on without it."""

    reason: str


class Recovered(_Body, frozen=True, tag="recovered"):
    """The store takes entries again: `entries` had waited for it, `given_up` did not fit and are missing."""

    seconds: float
    entries: int
    given_up: int = 0


class Paused(_Body, frozen=True, tag="paused"):
    reason: str = ""


class Resumed(_Body, frozen=True, tag="resumed"):
    pass


class Failed(_Body, frozen=True, tag="failed"):
    """Something of ours went wrong and was survived: `what` ("stream", "guard", "listener") and why."""

    what: str
    reason: str


class Left(_Body, frozen=True, tag="left"):
    """The host has left the session in order; the conversation stays open. All that it did is in the log."""


class Closed(_Body, frozen=True, tag="closed"):
    reason: str = ""


class Orphaned(_Body, frozen=True, tag="orphaned"):
    """An entry (msgpack) that a fenced host still held: readable, never woven."""

    raw: bytes


class Unknown(msgspec.Struct, frozen=True):
    """A body of a kind that this version does not know, kept as it came (`raw`: msgpack)."""

    kind: str
    raw: bytes


KnownBody = (
    Opened
    | Turn
    | Played
    | Asked
    | Amended
    | Withdrawn
    | TooLate
    | Taken
    | NoteLaid
    | NoteDropped
    | ToolCalled
    | ToolReturned
    | ApprovalAsked
    | ApprovalAnswered
    | Settled
    | Gap
    | MediaFault
    | Degraded
    | Recovered
    | Paused
    | Resumed
    | Failed
    | Left
    | Closed
    | Orphaned
)
Body = KnownBody | Unknown


class Entry(msgspec.Struct, frozen=True):
    """A header and a body. `codec.py` turns it into msgpack and back."""

    header: Header
    body: Body


class Stored(msgspec.Struct, frozen=True):
    """An entry in its place in the log.

    `stamp` tells this write from any other at the same position, in a store that was set back meanwhile (0: unknown).
    """

    position: Position
    entry: Entry
    stamp: int = 0
