"""Errors of the server and of redis-py, and refusals of our scripts, as errors of ours. Translated only here."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import redis.exceptions as foreign

from counterpoint.errors import (
    ConfigurationError,
    ConversationClosed,
    Fenced,
    Rewound,
    SequenceGap,
    StoreError,
    StoreFull,
    StoreUnavailable,
    UnknownConversation,
    UnknownDelegation,
    WriteRefused,
)

_FOR_NOW = ("MISCONF", "NOREPLICAS", "BUSY ", "MASTERDOWN", "LOADING", "UNKILLABLE", "FAILOVER")
"""Answers of a server that cannot write just now, and may later."""


class ConnectionLost(StoreUnavailable):
    """The connection broke. What was sent may have been done: only what is idempotent is sent again."""


class Forgotten(ConversationClosed):
    """It was removed on purpose; what is merely missing may have been lost."""


@contextmanager
def translated() -> Generator[None, None, None]:
    try:
        yield
    except (foreign.RedisError, foreign.RedisClusterException, OSError) as error:
        raise _ours(_root(error)) from error


def _root(error: Exception) -> Exception:
    """What goes wrong while connecting comes as a `ConnectionError` about the real error."""
    cause = error.__cause__
    return cause if type(error) is foreign.ConnectionError and isinstance(cause, foreign.RedisError) else error


def _ours(error: Exception) -> StoreError | ConfigurationError:
    match error:
        case foreign.OutOfMemoryError():
            return StoreFull(f"the Redis server may not grow: {error}")
        case (
            foreign.AuthenticationError()
            | foreign.AuthorizationError()
            | foreign.NoPermissionError()
            | foreign.AuthenticationWrongNumberOfArgsError()
        ):
            return ConfigurationError(f"the Redis server does not let this user in, or not do this: {error}")
        case foreign.InvalidResponse() | foreign.DataError():
            return ConfigurationError(f"what answers there is no Redis server, or takes no such value: {error}")
        case foreign.BusyLoadingError() | foreign.MaxConnectionsError():
            return StoreUnavailable(f"the Redis server cannot answer now: {error}")
        case foreign.ConnectionError():
            return ConnectionLost(f"the connection to the Redis server is gone: {error}")
        case foreign.ResponseError() if "ACL failure in script" in str(error):
            return ConfigurationError(f"the Redis server does not let this user do this: {error}")
        case foreign.ResponseError() if not _for_now(error):
            return StoreError(f"the Redis server refused: {error}")
        case _:
            return StoreUnavailable(f"the Redis server cannot answer now: {error}")


def _for_now(error: foreign.ResponseError) -> bool:
    passing = (foreign.ReadOnlyError, foreign.ClusterDownError, foreign.TryAgainError)
    return isinstance(error, passing) or str(error).startswith(_FOR_NOW)


def refusal(reply: Sequence[bytes], what: str) -> StoreError:
    """The error that a script's answer other than `ok` stands for. `what`: whose right or place it was."""
    kind = reply[0].decode()
    if kind == "unkept":
        return ConversationClosed(f"{what} is not kept here: never opened, or forgotten")
    if kind == "forgotten":
        return Forgotten(f"{what} was forgotten")
    if kind == "rewound":
        return Rewound(f"the log of {what} is not what it was up to there: the server has lost its last writes")
    if kind == "closed":
        return ConversationClosed(f"{what}: the conversation is closed")
    if kind == "fenced":
        return Fenced(f"{what} is no longer this writer's: another took over, or it is over")
    if kind == "gap":
        return SequenceGap(int(reply[1]), int(reply[2]))
    if kind == "unknown":
        return UnknownDelegation(f"{what} is settled, not kept here, or was never offered")
    if kind == "refused":
        return WriteRefused(f"{what}: {reply[1].decode()}")
    return StoreError(f"an answer that this version does not know: {kind!r}")


def unread(error: ConversationClosed) -> UnknownConversation:
    """What is refused to a reader of a conversation that is not kept."""
    return UnknownConversation(str(error))
