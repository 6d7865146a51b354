"""The context package: what a model gets that has not lived through the conversation. Never a lone query."""

import enum

import msgspec

from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import MediaRef
from counterpoint.shared_context.expressed import Floor
from counterpoint.shared_context.ids import Beat, CallId, ConversationId, DelegationId, NoteId, Position
from counterpoint.shared_context.notes import Source


class Speaker(enum.Enum):
    PERSON = "person"
    AGENT = "agent"


class Utterance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one side said without a pause of its own. `heard`: characters of it that were played (agent only).

    `understood`: the person's words are what the model made of speech, not text that was typed.
    """

    speaker: Speaker
    first: Beat
    last: Beat
    text: str
    heard: int | None = None
    overlaps: bool = False
    understood: bool = False


class Approval(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question that somebody had to answer before a call could run; `approved=None` while it is open."""

    question: str
    approved: bool | None = None
    reason: str = ""


class Call(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tool call and what came of it (untrusted data); `result=None` while it runs."""

    id: CallId
    tool: str
    arguments: str
    result: str | None = None
    failed: bool = False
    effects: str = "read"
    idempotent: bool = True
    approval: Approval | None = None


class NoteView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A note and how far it got: `voiced` and `heard` count characters; `dropped` is the reason if it was.

    `laid`: the conversation's last beat when it was laid.
    """

    id: NoteId
    text: str
    kind: str
    voiced: int = 0
    heard: int = 0
    dropped: str = ""
    laid: Beat = Beat(0)
    sources: tuple[Source, ...] = ()


class Work(msgspec.Struct, frozen=True, omit_defaults=True):
    """A delegation, its corrections, its calls and its notes so far; `omitted`: older calls that are left out."""

    delegation: Delegation
    state: DelegationState
    asked: Beat
    amendments: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    notes: tuple[NoteView, ...] = ()
    reason: str = ""
    omitted: int = 0


class ContextPackage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The whole conversation with its timing, up to log position `upto`.

    `earlier`: a compacted account of what no longer fits. `work`: delegations, oldest first. `notes`: those of no
    delegation, laid by the application. `present`: who is speaking now; `typing`: unfinished input. `delegation`: the
    one that this package was made for.
    """

    conversation: ConversationId
    upto: Position
    now: Beat
    instructions: str = ""
    earlier: str = ""
    utterances: tuple[Utterance, ...] = ()
    work: tuple[Work, ...] = ()
    notes: tuple[NoteView, ...] = ()
    media: tuple[MediaRef, ...] = ()
    present: Floor = Floor.OPEN
    typing: str = ""
    delegation: DelegationId | None = None

    @property
    def current(self) -> Work | None:
        """The work that this package was made for."""
        return next((work for work in self.work if work.delegation.id == self.delegation), None)

    @property
    def request(self) -> str:
        """What is wanted, in the interaction model's words, with the corrections made since."""
        if (work := self.current) is None:
            return ""
        return "\n".join((work.delegation.request, *(f"(correction) {text}" for text in work.amendments)))
