"""From a URL to a store. A store that was made elsewhere passes through."""

from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.store import ContextStore

_OPERATIONS = [name for name in vars(ContextStore) if name == "__aenter__" or not name.startswith("_")]
_LATER = ("redis", "rediss", "unix", "embedded")


def connect(store: str | ContextStore) -> ContextStore:
    """The store at `memory://` (a new one, in this process), or the store that was given. Nothing is opened yet.

    Raises `ConfigurationError` for other URLs. They are not repeated in the message: they may hold a password.
    """
    if not isinstance(store, str):
        return _checked(store)
    scheme, separator, rest = store.partition("://")
    if scheme == "memory" and separator:
        if rest:
            raise ConfigurationError(
                "memory:// takes no name and no options: pass a MemoryStore(...) to set its limits"
            )
        return MemoryStore()
    if scheme in _LATER:
        raise ConfigurationError(
            f"{scheme}:// arrives with the Redis store, which is not in this version: use memory://, or pass a store"
        )
    raise ConfigurationError(
        f"no store for {scheme}://: this version knows memory://" if separator else "a store's URL looks like memory://"
    )


def _checked(store: ContextStore) -> ContextStore:
    if missing := [name for name in _OPERATIONS if not callable(getattr(store, name, None))]:
        raise ConfigurationError(f"{type(store).__name__} is not a store: it has no {', '.join(missing)}")
    return store
