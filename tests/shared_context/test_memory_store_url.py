import pytest

from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.memory import MemoryStore


def test_memory_is_a_new_store_each_time() -> None:
    one, other = connect("memory://"), connect("memory://")
    assert isinstance(one, MemoryStore)
    assert one is not other


def test_a_store_passes_through() -> None:
    store = MemoryStore()
    assert connect(store) is store


@pytest.mark.parametrize(
    "url", ["postgres://u:secret@host", "", "memory", "redis:/typo", "/var/lib/context", "memory://x"]
)
def test_what_is_no_store_is_refused_with_what_is_known(url: str) -> None:
    with pytest.raises(ConfigurationError, match="memory://") as told:
        connect(url)
    assert "secret" not in str(told.value)


def test_an_object_that_is_no_store_is_refused_with_what_it_lacks() -> None:
    with pytest.raises(ConfigurationError, match="dict is not a store: it has no __aenter__, open, append"):
        connect({"url": "memory://"})  # pyright: ignore[reportArgumentType] (what a careless caller does)
