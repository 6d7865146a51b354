import gc
from collections.abc import Generator

import pytest


@pytest.fixture(autouse=True)
def the_event_loop_is_never_blocked() -> None:
    """Not watched here: vLLM looks for its plug-ins on disk whenever a request is opened."""


@pytest.fixture(scope="module", autouse=True)
def what_vllm_leaves_behind_is_its_own_affair() -> Generator[None, None, None]:
    """It leaves contexts of zmq unclosed, which would fail the run at its end, where the tests' marks hold no more."""
    yield
    gc.collect()
