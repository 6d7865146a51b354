"""Errors of the server and of redis-py, and refusals of our scripts, as errors of ours. Translated only here."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import redis.exceptions as foreign

from counterpoint.errors import (
    ConfigurationError,
    ConversationClosed,
    Fenced,
    SequenceGap,
    StoreError,
    StoreFull,
    StoreUnavailable,
    UnknownConversation,
    UnknownDelegation,
    WriteRefused,
)

_NOT_ALLOWED = (
    foreign.AuthenticationError,
    foreign.AuthorizationError,
    foreign.NoPermissionError,
    foreign.AuthenticationWrongNumberOfArgsError,
)
_GONE = (
    foreign.ConnectionError,
    foreign.TimeoutError,
    foreign.ReadOnlyError,
    foreign.ClusterDownError,
    foreign.TryAgainError,
    foreign.RedisClusterException,
    OSError,
)
_FOR_NOW = ("MISCONF", "NOREPLICAS", "BUSY ", "MASTERDOWN", "LOADING", "UNKILLABLE", "FAILOVER")
"""Answers of a server that cannot write just now, and may later."""


class ConnectionLost(StoreUnavailable):
    """The connection broke. What was sent may have been done: only what is idempotent is sent again."""


@contextmanager
def translated() -> Generator[None, None, None]:
    try:
        yield
    except foreign.OutOfMemoryError as error:
        raise StoreFull(f"the Redis server may not grow: {error}") from error
    except _NOT_ALLOWED as error:
        raise ConfigurationError(f"the Redis server does not let this user in, or not do this: {error}") from error
    except (foreign.BusyLoadingError, foreign.MaxConnectionsError) as error:
        raise StoreUnavailable(f"the Redis server cannot answer now: {error}") from error
    except foreign.ConnectionError as error:
        raise ConnectionLost(f"the connection to the Redis server is gone: {error}") from error
    except _GONE as error:
        raise StoreUnavailable(f"the Redis server cannot answer now: {error}") from error
    except (foreign.InvalidResponse, foreign.DataError) as error:
        raise StoreError(f"what answers there is no Redis server, or takes no such value: {error}") from error
    except foreign.ResponseError as error:
        if str(error).startswith(_FOR_NOW):
            raise StoreUnavailable(f"the Redis server cannot answer now: {error}") from error
        raise StoreError(f"the Redis server refused: {error}") from error


def refusal(reply: Sequence[bytes], what: str) -> StoreError:
    """The error that a script's answer other than `ok` stands for. `what`: whose right or place it was."""
    kind = reply[0].decode()
    if kind == "unkept":
        return ConversationClosed(f"{what} is not kept here: never opened, or forgotten")
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
