"""The store in memory is what the contract says, in virtual time."""

from collections.abc import AsyncGenerator

import pytest

for part in ("", "_adopting", "_log", "_queue", "_endings", "_keeping", "_rewind"):
    pytest.register_assert_rewrite(f"counterpoint.testing.store_contract{part}")

from counterpoint.shared_context.memory import MemoryStore  # noqa: E402 (after the rewriting of asserts is arranged)
from counterpoint.shared_context.store import ContextStore  # noqa: E402 (the same)
from counterpoint.testing.store_contract import StoreContract  # noqa: E402 (the same)
from counterpoint.testing.store_contract_rewind import RewindContract, SetBack  # noqa: E402 (the same)


@pytest.mark.virtual
class TestMemoryStore(StoreContract):
    @pytest.fixture
    async def store(self) -> AsyncGenerator[ContextStore, None]:
        async with MemoryStore() as store:
            yield store


@pytest.mark.virtual
class TestMemoryStoreSetBack(RewindContract):
    @pytest.fixture
    async def store(self) -> AsyncGenerator[MemoryStore, None]:
        async with MemoryStore() as store:
            yield store

    async def remembered(self, store: ContextStore) -> SetBack:
        assert isinstance(store, MemoryStore)
        at_once = store.remembered()

        async def set_back() -> None:
            at_once()

        return set_back
