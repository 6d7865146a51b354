"""What a running tool is told about the call it works on, besides the arguments that the model wrote."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from counterpoint.errors import ToolError
from counterpoint.shared_context.ids import CallId, ConversationId, DelegationId
from counterpoint.shared_context.package import ContextPackage

State = TypeVar("State")

MAX_PROGRESS = 500
"""Characters of one progress report; it is meant to be said in passing."""


class ToolProgress(msgspec.Struct, frozen=True, tag="progress"):
    """What a tool says it is doing."""

    text: str


def _unheard(progress: ToolProgress) -> None:
    """Outside a running call nobody listens to progress."""


@dataclass(frozen=True, kw_only=True)
class ToolContext(Generic[State]):
    """A parameter annotated with it is filled in by the runtime and hidden from the model.

    `sequence`: which call of its delegation this is, from 1, the same after a crash. `attempt`: how often the
    delegation has been taken, from 1. `state`: whatever the application gave the session. `packaged` and `report` are
    the runtime's.
    """

    conversation: ConversationId
    delegation: DelegationId
    call: CallId
    sequence: int = 1
    attempt: int = 1
    state: State
    packaged: Callable[[], ContextPackage] | None = None
    report: Callable[[ToolProgress], None] = _unheard

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt at this call: hand it to the service that must not act twice."""
        return f"{self.conversation}:{self.delegation}:{self.sequence}"

    @property
    def package(self) -> ContextPackage:
        """The conversation as it stands now. Raises `ToolError` where the call belongs to none."""
        if self.packaged is None:
            raise ToolError("this tool reads the conversation, but was called outside one")
        return self.packaged()

    def progress(self, text: str) -> None:
        """Say what is being done. Never waits; may be called from a worker thread.

        Progress that nobody has read yet is replaced by newer; text is cut to `MAX_PROGRESS` characters.
        """
        if text := text.strip():
            self.report(ToolProgress(text[:MAX_PROGRESS]))
