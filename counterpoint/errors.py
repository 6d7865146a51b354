"""The error tree. Every error says in one sentence what happened and what to do about it.

Foreign exceptions are translated once, where they enter. Catch `CounterpointError` to catch them all.
"""

from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def lone_errors() -> Generator[None, None, None]:
    """Around a task group: a single error leaves it as itself, not as a group of one."""
    try:
        yield
    except BaseExceptionGroup as group:
        lone = _only_one(group)
        if lone is None:
            raise
        raise lone from lone.__cause__


def _only_one(error: BaseException) -> BaseException | None:
    """The one error in a group, however deep; None if there are several."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    errors: tuple[BaseException, ...] = error.exceptions  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] (its type argument is not known at run time)
    return _only_one(errors[0]) if len(errors) == 1 else None


class CounterpointError(Exception):
    """The root of every error that counterpoint raises on purpose."""


class ConfigurationError(CounterpointError):
    """A wrong URL, a wrong `module:name`, a value out of range: the caller has to change something."""


class MissingExtra(ConfigurationError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional dependency: pip install 'counterpoint[{extra}]'")
        self.feature = feature
        self.extra = extra


class MissingWeights(ConfigurationError):
    """A model's weights are not where they were looked for."""


class ChunkRefused(CounterpointError):
    """A pushed chunk is malformed, oversized or wrongly timed; nothing of it was taken."""


class InputFull(CounterpointError):
    """Text arrives faster than it can be taken; nothing was dropped, push again after the next beat."""


class SlowListener(CounterpointError):
    """The listener took no micro-turn for as long as the output buffer holds."""


class SessionClosed(CounterpointError):
    """The session has ended; open a new one on the same conversation to go on."""


class TokenRefused(CounterpointError):
    """A resume token that cannot be used: malformed, of another conversation, or of a newer version."""


class ModelFailed(CounterpointError):
    """An interaction or background model raised or broke its protocol."""


class ToolError(CounterpointError):
    """Raise it in a tool to tell the model, in your own words, what went wrong."""


class ToolUnavailable(ToolError):
    """Raise it in a tool when the same call may well succeed a little later."""


class ToolDefinitionError(ConfigurationError):
    """A function cannot become a tool: its signature, its name or its options are wrong."""


class StoreError(CounterpointError):
    """The shared context could not be read or written."""


class StoreUnavailable(StoreError):
    """The store does not answer; the caller may try again."""


class StoreFull(StoreError):
    """The store refuses to grow."""


class Fenced(StoreError):
    """Another host or worker has taken over; whoever gets this must stop writing."""


class SequenceGap(StoreError):
    """A writer skipped a sequence number: entries between `expected` and what was sent are missing."""

    def __init__(self, expected: int, got: int) -> None:
        super().__init__(f"expected entry {expected} of this writer, got {got}: send the missing ones first")
        self.expected = expected
        self.got = got


class Rewound(StoreError):
    """The log is no longer what it was up to there: the store has lost its last writes. Read it anew."""


class WriteRefused(StoreError):
    """A write contradicts its fence, the operation or the record; nothing of it was written."""


class ConversationClosed(StoreError):
    """The conversation has ended (or was forgotten); nothing can be added to it."""


class UnknownConversation(StoreError):
    """No conversation of that id is kept here."""


class UnknownDelegation(StoreError):
    """No delegation of that id is kept here, or it is settled already."""


class CorruptRecord(StoreError):
    """Bytes that are not a record of ours, or not one that this version can read."""


class MediaTooLarge(StoreError):
    """A media object exceeds what a store keeps."""


class EngineError(CounterpointError):
    """An engine failed; the streaming sessions on it are lost, the conversations are not."""


class ContextExhausted(EngineError):
    """A streaming session cannot hold that many more tokens: roll over."""


class EngineFull(EngineError):
    """The engine has no room for another streaming session."""
