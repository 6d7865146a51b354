"""The contract of a store, for whoever writes one: subclass it in your tests, and every method is a test.

    class TestMyStore(StoreContract):
        @pytest.fixture
        async def store(self) -> AsyncGenerator[ContextStore, None]:
            async with MyStore(...) as store:       # empty: nothing of another test is in it
                yield store

It needs pytest with asyncio_mode=auto, and knows no store. Time passes by `elapse`, so the same suite runs on a real
server in real time and on a virtual clock in none. `pytest.register_assert_rewrite` shows what an assertion compared.
What a store does that comes back without its last writes is in `store_contract_rewind`: it has to be told how.
"""

from counterpoint.testing.store_contract_adopting import AdoptingContract
from counterpoint.testing.store_contract_endings import EndingsContract
from counterpoint.testing.store_contract_keeping import KeepingContract
from counterpoint.testing.store_contract_log import LogContract
from counterpoint.testing.store_contract_queue import QueueContract


class StoreContract(LogContract, QueueContract, EndingsContract, KeepingContract, AdoptingContract):
    """Override what differs: `elapse`, `lease_seconds` and `moment` where a server is slow, `attempts` and
    `media_bytes` where your store is set otherwise.
    """


__all__ = ["StoreContract"]
