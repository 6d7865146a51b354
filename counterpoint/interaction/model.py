"""The protocol of an interaction model: a stream that perceives and expresses, step by step.

State lives in the stream. A stream is stepped by one task, never concurrently, and must not block the event loop.
"""

import enum
from typing import Protocol

import msgspec

from counterpoint.config import AUDIO_RATE
from counterpoint.shared_context.chunks import TextChunk, VideoChunk
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Unheard
from counterpoint.shared_context.expressed import Expressed
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, SessionId
from counterpoint.shared_context.notes import Delivery, Note
from counterpoint.shared_context.package import ContextPackage


class Modality(enum.Enum):
    TEXT = "text"
    AUDIO = "audio"
    VIDEO = "video"


class Weaving(enum.Enum):
    """Who times the notes: the runtime's policy, or a model that was trained to."""

    RUNTIME = "runtime"
    MODEL = "model"


class Capabilities(msgspec.Struct, frozen=True):
    """What a model perceives and expresses. Chunks of other modalities are recorded and not shown to it.

    `cadence`: beats per step. `partial`: takes early steps that cover less than a beat. `frame_rate`: video frames per
    second it wants at most. `audio_rate`: samples per second, of what it hears and of what it speaks.
    """

    name: str
    perceives: frozenset[Modality] = frozenset({Modality.TEXT})
    expresses: frozenset[Modality] = frozenset({Modality.TEXT})
    cadence: int = 1
    partial: bool = False
    weaving: Weaving = Weaving.RUNTIME
    audio_rate: int = AUDIO_RATE
    frame_rate: float = 5.0


class Span(msgspec.Struct, frozen=True):
    """The beats `first` to `first + beats - 1`. `part` > 0: an early step inside beat `first`; `beats` is then 0."""

    first: Beat
    beats: int = 1
    part: int = 0

    @property
    def last(self) -> Beat:
        return Beat(self.first + max(self.beats, 1) - 1)


class DelegationNews(msgspec.Struct, frozen=True):
    """A delegation changed its state since the last step."""

    delegation: DelegationId
    state: DelegationState
    request: str = ""
    reason: str = ""


class Perceived(msgspec.Struct, frozen=True):
    """What came in during a span. `audio`: PCM16 mono at the model's rate, exactly the span long, or empty if there is
    no live audio. `unheard`: what the agent said and the listener never played. `news`: of delegations.
    """

    texts: tuple[TextChunk, ...] = ()
    audio: bytes = b""
    frames: tuple[VideoChunk, ...] = ()
    unheard: Unheard | None = None
    news: tuple[DelegationNews, ...] = ()


class Offer(msgspec.Struct, frozen=True):
    """A note that enters this step. `how` is its delivery as the policy decided it: `SILENT` is context only.

    `heard`: characters of its text that the person has heard already (a re-delivery): do not say those again verbatim.
    """

    note: Note
    how: Delivery
    heard: int = 0


class Start(msgspec.Struct, frozen=True):
    """How a stream begins. `history`: the conversation so far, if there is one. `toolbox`: one line per tool that the
    background model has, so that the interaction model knows what it may delegate.
    """

    conversation: ConversationId
    session: SessionId
    beat: Beat = Beat(0)
    instructions: str = ""
    greeting: str = ""
    history: ContextPackage | None = None
    toolbox: tuple[str, ...] = ()


class Stream(Protocol):
    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        """Live through a span. Everything returned counts as said; the listener reports what was played of it."""
        ...

    async def aclose(self) -> None: ...


class InteractionModel(Protocol):
    @property
    def capabilities(self) -> Capabilities: ...

    def place(self, session: SessionId) -> float | None:
        """The session's phase within the beat, in seconds [0, 0.2); None lets the runtime spread sessions evenly."""
        ...

    async def open(self, start: Start) -> Stream: ...
