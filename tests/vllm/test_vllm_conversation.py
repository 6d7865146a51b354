"""A conversation in which both models live in one vLLM engine, with real weights."""

from collections.abc import AsyncGenerator
from functools import partial

import anyio
import anyio.to_thread
import pytest
import pytest_asyncio

from counterpoint import Runtime
from counterpoint.background.engines.load import load_background
from counterpoint.background.model import BackgroundModel
from counterpoint.errors import ConfigurationError, EngineFull
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.model import InteractionModel
from counterpoint.shared_context.expressed import Delegate
from counterpoint.tools.search import documents

pytestmark = [
    pytest.mark.real,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("default"),  # torch and vLLM warn about themselves
]

NAME = "vllm:smollm2?max_length=1536&max_sessions=4&kv_gibibytes=0.5"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def models() -> AsyncGenerator[tuple[InteractionModel, BackgroundModel], None]:
    interaction = await anyio.to_thread.run_sync(load_interaction, NAME)
    background = await anyio.to_thread.run_sync(load_background, "vllm:smollm2")
    assert background._engine is interaction._engine
    yield interaction, background
    await interaction._engine.aclose()


async def test_a_question_is_delegated_searched_for_and_told(models, tmp_path):
    """One engine listens, another of its sessions reads what the search found; the result is woven into speech."""
    await anyio.to_thread.run_sync(
        (tmp_path / "station.md").write_text, "# Trains\n\nThe next train to Bern leaves at 10:14 from platform 3.\n"
    )
    interaction, background = models
    runtime = Runtime(interaction=interaction, background=background, tools=[documents(tmp_path)])
    called, heard = False, ""
    with anyio.fail_after(150):
        async with runtime.session(instructions="You are the guide of a railway station.") as session:
            session.push("When does the next train to Bern leave?")
            async for turn in session:
                session.played(turn)
                called = called or any(isinstance(action, Delegate) for action in turn.actions)
                heard += turn.text
                if "10:14" in heard:
                    break
    assert called


async def test_another_conversation_than_fits_is_refused_and_the_engine_goes_on(models):
    interaction, _ = models
    engine = interaction._engine
    held = [await engine.open() for _ in range(engine.max_sessions)]
    with pytest.raises(EngineFull, match=str(engine.max_sessions)):
        await engine.open()
    for session in held:
        await session.aclose()
    async with Runtime(interaction=interaction).session() as session:
        async for _ in session:
            break


async def test_a_setting_that_is_not_known_says_which_are():
    wrong = partial(load_interaction, "vllm:smollm2?max_lenght=5")
    with pytest.raises(ConfigurationError, match=r"max_lenght.*max_length.*words_per_beat"):
        await anyio.to_thread.run_sync(wrong)
