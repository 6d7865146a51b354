"""The local engine's streaming sessions are what the contract says: random weights, and real ones."""

import pytest

pytest.register_assert_rewrite("counterpoint.testing.engine_contract")

from counterpoint.engines.load import EngineOptions, load_engine  # noqa: E402 (after the rewriting of asserts is arranged)
from counterpoint.engines.torch_engine import LocalEngine  # noqa: E402 (the same)
from counterpoint.testing.engine_contract import EngineContract  # noqa: E402 (the same)


@pytest.fixture(scope="module")
def smollm2_of_256() -> LocalEngine:
    return load_engine("smollm2", EngineOptions(dtype="float32", max_length=256))


@pytest.mark.real
class TestSmolLM2(EngineContract):
    @pytest.fixture
    async def engine(self, smollm2_of_256: LocalEngine) -> LocalEngine:
        return smollm2_of_256
