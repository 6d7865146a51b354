"""What an interaction model expresses in one step, and the actions it may take."""

import enum

import msgspec

from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.ids import DelegationId, NoteId


class Floor(enum.Enum):
    """Who is speaking now."""

    OPEN = "open"
    PERSON = "person"
    AGENT = "agent"
    BOTH = "both"


class Boundary(enum.IntEnum):
    """Where the agent's speech stands after a step. `END`: the utterance is over, or nothing is being said."""

    NONE = 0
    WORD = 1
    CLAUSE = 2
    END = 3


class Voiced(msgspec.Struct, frozen=True, omit_defaults=True):
    """Characters `start` to `end` of a note's text were spoken in this step; `text_start`: where in the step's text."""

    note: NoteId
    start: int
    end: int
    text_start: int = 0


class Delegate(msgspec.Struct, frozen=True, tag="delegate", omit_defaults=True):
    request: str
    priority: Priority = Priority.NORMAL


class Amend(msgspec.Struct, frozen=True, tag="amend", omit_defaults=True):
    """`delegation=None` means the one asked last that is still unsettled."""

    text: str
    delegation: DelegationId | None = None


class Withdraw(msgspec.Struct, frozen=True, tag="withdraw", omit_defaults=True):
    reason: str = ""
    delegation: DelegationId | None = None


class Yield(msgspec.Struct, frozen=True, tag="yield", omit_defaults=True):
    """Stop speaking now: what the listener has not played yet shall not be played."""


class End(msgspec.Struct, frozen=True, tag="end", omit_defaults=True):
    """End the conversation once what was promised has been delivered."""

    reason: str = ""


Action = Delegate | Amend | Withdraw | Yield | End


class Expressed(msgspec.Struct, frozen=True, omit_defaults=True):
    """The output of one step.

    `text`: what is said in this span. `audio`: its sound (PCM16 mono at the model's `audio_rate`), empty for a model
    that only writes. `understood`: what the model took the person to say in this span. Texts of successive steps are
    joined as they are, and so is what was understood. `floor`: its own report, which wins over the runtime's reading.
    `unsaid`: the rest of an utterance that was given up for a note. `failed`: why the model could not go on with what
    it was saying, though its stream can; it is recorded.
    """

    text: str = ""
    audio: bytes = b""
    understood: str = ""
    floor: Floor | None = None
    boundary: Boundary = Boundary.END
    voiced: tuple[Voiced, ...] = ()
    actions: tuple[Action, ...] = ()
    unsaid: str = ""
    failed: str = ""


SILENCE = Expressed()
