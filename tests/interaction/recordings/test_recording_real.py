"""A real model, recorded and run again: SmolLM2 says the same, word by word, also over a roll-over."""

from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from counterpoint import Runtime
from counterpoint.cli.replay import ReplayDiffers, ReplayOptions, replay
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.engines.rollover import Rollover
from counterpoint.interaction.recordings import SUFFIX, rerun
from counterpoint.testing import ScriptedInteraction, play, types

pytestmark = pytest.mark.real

SMALL = "local:smollm2?context_tokens=250"
"""So little room that the context rolls over within seconds."""

LINES = ("Tell me about the sea.", "And about mountains, please.", "What about rivers?", "Tell me a story about a cat.")


@pytest.fixture
def changes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sessions of the engine that took another's place."""
    seen: list[int] = []
    change_over = Rollover._change_over

    async def counted(self, successor, mirror):
        seen.append(len(seen))
        await change_over(self, successor, mirror)

    monkeypatch.setattr(Rollover, "_change_over", counted)
    return seen


async def test_smollm2_says_the_same_again(
    tmp_path: Path, changes: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    model = await anyio.to_thread.run_sync(load_interaction, SMALL)
    person = [cue for index, line in enumerate(LINES) for cue in types(line, at=3 + 22 * index, keys_per_beat=8)]
    played = await play(Runtime(model), person, 85, conversation="c", record=tmp_path)
    assert len(played.said.split()) > 10
    live = len(changes)
    assert live, "it rolled over"
    [path] = await anyio.to_thread.run_sync(lambda: list(tmp_path.glob(f"*{SUFFIX}")))
    again = await rerun(path, model)
    assert (again.difference, again.stopped) == (None, "")
    assert again.fingerprint == again.now
    assert again.same >= len(played)
    assert len(changes) == 2 * live
    await replay(ReplayOptions(str(tmp_path), interaction=SMALL))
    assert capsys.readouterr().out.splitlines()[-1] == f"the same {again.same} steps"
    with pytest.raises(ReplayDiffers):
        await replay(ReplayOptions(str(tmp_path), interaction="local:smollm2?context_tokens=250&words_per_beat=3"))
    printed = capsys.readouterr().out
    assert "recorded with another model" in printed
    assert "Expressed.text" in printed
    other = await rerun(path, ScriptedInteraction())
    assert other.difference is not None
