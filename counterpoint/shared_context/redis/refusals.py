"""Errors of the server and of redis-py, and refusals of our scripts, as errors of ours. Translated only here."""

import ssl
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


class NotLetIn(StoreUnavailable):
    """A password, a certificate or a file of them is wrong. Whoever opens a store gets it as `ConfigurationError`;
    whoever had got in before waits for the operator to put it right.
    """


_CERTIFICATES = {
    18: "it is signed by itself; give it as ?ssl_ca_certs=FILE if it is the one you expect",
    19: "nobody here knows who signed it; give that authority as ?ssl_ca_certs=FILE",
    20: "nobody here knows who signed it; give that authority as ?ssl_ca_certs=FILE",
    10: "it has expired, and has to be renewed there",
    62: "it is for another host; connect by a name that it holds",
    64: "it is for another address; connect by a name that it holds",
}
"""OpenSSL's codes of why a certificate is not accepted."""

_WANTED = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")


@contextmanager
def translated() -> Generator[None, None, None]:
    try:
        yield
    except (foreign.RedisError, foreign.RedisClusterException, OSError) as error:
        raise _ours(_root(error)) from error


def _root(error: Exception) -> Exception:
    """What goes wrong while connecting comes as a `ConnectionError` about the real error."""
    cause = error.__cause__ or error.__context__
    real = isinstance(error, foreign.ConnectionError) and isinstance(cause, foreign.RedisError | ssl.SSLError)
    return _root(cause) if real and isinstance(cause, Exception) else error


def _ours(error: Exception) -> StoreError | ConfigurationError:
    match error:
        case foreign.RedisClusterException() if "Cluster mode is not enabled" in str(error):
            return ConfigurationError("this server is no node of a Cluster: redis:// instead of redis+cluster://")
        case foreign.OutOfMemoryError():
            return StoreFull(f"the Redis server may not grow: {error}")
        case foreign.NoPermissionError() | foreign.AuthorizationError():
            return ConfigurationError(f"the Redis server does not let this user do this: {error}")
        case foreign.AuthenticationError() | foreign.AuthenticationWrongNumberOfArgsError():
            return NotLetIn(f"the Redis server does not let this user in: {error}")
        case ssl.SSLError():
            return _of_tls(error)
        case foreign.InvalidResponse() | foreign.DataError():
            return ConfigurationError(f"what answers there is no Redis server, or takes no such value: {error}")
        case foreign.BusyLoadingError() | foreign.MaxConnectionsError():
            return StoreUnavailable(f"the Redis server cannot answer now: {error}")
        case foreign.ConnectionError():
            return ConnectionLost(f"the connection to the Redis server is gone: {error}")
        case foreign.ResponseError() if "ACL failure in script" in str(error):
            return ConfigurationError(f"the Redis server does not let this user do this: {error}")
        case foreign.MovedError() | foreign.AskError():
            return ConfigurationError(f"this Redis server is one node of a Cluster, use redis+cluster://: {error}")
        case foreign.ResponseError() if not _for_now(error):
            return StoreError(f"the Redis server refused: {error}")
        case _:
            return StoreUnavailable(f"the Redis server cannot answer now: {error}")


def _of_tls(error: ssl.SSLError) -> StoreUnavailable:
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        what = _CERTIFICATES.get(error.verify_code, "see what is wrong with it there")
        return NotLetIn(f"the Redis server's certificate is not accepted ({error.verify_message}): {what}")
    if "WRONG_VERSION_NUMBER" in reason or "RECORD_LAYER_FAILURE" in reason:
        return NotLetIn("what answers there does not speak TLS: redis:// instead of rediss://, or another port")
    if any(wanted in reason for wanted in _WANTED):
        return NotLetIn(
            f"the Redis server wants a certificate that it trusts ({reason}): ?ssl_certfile=FILE&ssl_keyfile=FILE"
        )
    if "X509" in str(error) or "PEM" in str(error):
        return NotLetIn(f"a file of certificates or keys cannot be used: {error}")
    return ConnectionLost(f"the connection to the Redis server is gone: {error}")


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
