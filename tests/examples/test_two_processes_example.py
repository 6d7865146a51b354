"""The example of two processes, as it is run, but for a scripted model."""

import pytest

from counterpoint.testing import ScriptedInteraction, delegate
from examples.two_processes import main

pytestmark = pytest.mark.real


async def test_the_answer_comes_from_the_other_process() -> None:
    asks = delegate("What is the horizon?", on="horizon", saying="Let me check.")
    said, workers = await main(ScriptedInteraction(asks, words_per_beat=4), seconds=8)
    assert workers == {"the-other-process"}
    assert "playback" in said
