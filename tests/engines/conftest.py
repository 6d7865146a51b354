from pathlib import Path

import pytest
from tiny_models import llama, save_model

from counterpoint.engines.load import EngineOptions, load_engine
from counterpoint.engines.torch_engine import LocalEngine


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("tiny"), llama())


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> LocalEngine:
    return load_engine(str(tiny_folder), EngineOptions(dtype="float32"))


@pytest.fixture(scope="session")
def smollm2() -> LocalEngine:
    return load_engine("smollm2", EngineOptions(dtype="float32"))
