"""The protocol of a background model: given the whole conversation, think in steps that stream out as they are made."""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import msgspec

from counterpoint.shared_context.ids import CallId
from counterpoint.shared_context.notes import Delivery, Source
from counterpoint.shared_context.package import ContextPackage
from counterpoint.tools.schema import ToolSchema


class Say(msgspec.Struct, frozen=True, tag="say"):
    """A part of the answer that is good to pass on already: it becomes a `partial` note at once."""

    text: str


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """What is being done: becomes a `progress` note; newer progress replaces older."""

    text: str


class Call(msgspec.Struct, frozen=True, tag="call"):
    """Call a tool. `arguments`: JSON text as the model wrote it, not yet validated."""

    id: CallId
    tool: str
    arguments: str


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """The result. `delivery=None` leaves it to the tools' and the runtime's defaults. Ends the work."""

    text: str
    delivery: Delivery | None = None
    sources: tuple[Source, ...] = ()


class Usage(msgspec.Struct, frozen=True, tag="usage"):
    """Tokens read and written by the model since the last report."""

    read: int = 0
    written: int = 0


Step = Say | Progress | Call | Answer | Usage


class Observation(msgspec.Struct, frozen=True):
    """What came of a call, or of the conversation meanwhile (`call=None`: the person corrected the request).

    `text` is data from outside and marked as such wherever a model reads it.
    """

    text: str
    call: Call | None = None
    failed: bool = False


class BackgroundModel(Protocol):
    @property
    def name(self) -> str: ...

    def think(
        self, package: ContextPackage, tools: Sequence[ToolSchema], observations: Sequence[Observation]
    ) -> AsyncGenerator[Step, None]:
        """One round: from the conversation and all observations so far to calls, or to an answer.

        The reasoner closes the generator on withdrawal; whatever it holds (a request, a GPU) must be let go then.
        """
        ...
