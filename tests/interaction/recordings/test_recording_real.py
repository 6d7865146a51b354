"""A real model, recorded and run again: SmolLM2 says the same, word by word."""

from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from counterpoint import Runtime
from counterpoint.cli.replay import ReplayOptions, replay
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.recordings import SUFFIX, rerun
from counterpoint.testing import ScriptedInteraction, play, types

pytestmark = pytest.mark.real


async def test_smollm2_says_the_same_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = await anyio.to_thread.run_sync(load_interaction, "local:smollm2")
    person = (*types("Tell me something about the sea.", at=2, keys_per_beat=8), *types("Go on, please.", at=22))
    played = await play(Runtime(model), person, 40, conversation="c", record=tmp_path, greeting="Hello!")
    assert len(played.said.split()) > 10
    [path] = await anyio.to_thread.run_sync(lambda: list(tmp_path.glob(f"*{SUFFIX}")))
    again = await rerun(path, model)
    assert (again.difference, again.stopped) == (None, "")
    assert again.fingerprint == again.now
    assert again.same >= len(played)
    await replay(ReplayOptions(str(tmp_path), interaction="local:smollm2"))
    assert capsys.readouterr().out.splitlines()[-1] == f"the same {again.same} steps"
    other = await rerun(path, ScriptedInteraction())
    assert other.fingerprint != other.now
    assert other.difference is not None
