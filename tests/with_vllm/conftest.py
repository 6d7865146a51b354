"""One engine for all tests, its core started once (and again after each test that ends it), and one `vllm serve`."""

import gc
from collections.abc import AsyncGenerator, Iterator

import anyio.to_thread
import pytest
import pytest_asyncio
from vllm_server import serving

from counterpoint.engines.vllm_engine import VllmEngine
from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.load import load_interaction

NAME = "vllm:smollm2?max_length=1536&max_sessions=4&kv_gibibytes=0.5&dtype=float32"
FOREIGN = (
    "default:.torch.jit.script_method. is deprecated:DeprecationWarning",  # torch about itself, as vLLM imports it
    "default:Unclosed context <zmq:ResourceWarning",  # of a core that did not start: vLLM lets it go as it is
)
"""The only warnings that are no errors here. Not marks of tests: what is let go is collected at any time."""


def pytest_configure(config: pytest.Config) -> None:
    for line in FOREIGN:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="module", autouse=True)
def what_vllm_left_open_is_collected() -> Iterator[None]:
    """Here, where the warning about it is known; when pytest has ended, it would be an error again."""
    yield
    gc.collect()


@pytest.fixture(autouse=True)
def the_event_loop_is_never_blocked() -> None:
    """Not watched here: vLLM looks for its plug-ins on disk whenever a request is opened."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def model() -> AsyncGenerator[InstructInteraction, None]:
    interaction = await anyio.to_thread.run_sync(load_interaction, NAME)
    assert isinstance(interaction, InstructInteraction)
    try:
        yield interaction
    finally:
        await interaction._engine.aclose()


@pytest.fixture(scope="session")
def vllm(model: InstructInteraction) -> VllmEngine:
    assert isinstance(model._engine, VllmEngine)
    return model._engine


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("vllm") / "log") as url:
        yield url
