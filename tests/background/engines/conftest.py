import pytest

from counterpoint.engines.load import EngineOptions, load_engine
from counterpoint.engines.torch_engine import LocalEngine


@pytest.fixture(scope="session")
def engine() -> LocalEngine:
    """SmolLM2, exact."""
    return load_engine("smollm2", EngineOptions(dtype="float32"))
