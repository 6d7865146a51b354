"""When a question that was asked as a file is over: what the person who waits for the prompt gets."""

import anyio
import pytest

from counterpoint.cli.aloud import LONGEST_SECONDS, UNANSWERED_SECONDS, until_quiet
from counterpoint.cli.sound_path import SoundPath
from counterpoint.cli.wav_card import WavCard
from counterpoint.interaction.model import Weaving
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.testing import ScriptedBackground, ScriptedInteraction
from counterpoint.testing.scripted_interaction import delegate

pytestmark = pytest.mark.virtual


async def listen(session: Session, path: SoundPath) -> None:
    async for turn in session:
        path.hear(turn)


async def seconds_until_quiet(model: ScriptedInteraction, background: ScriptedBackground) -> float:
    path = SoundPath(16_000, 16_000)
    card = WavCard(path, bytes(32_000))
    begun = anyio.current_time()
    async with Runtime(model, background).session("c") as session, anyio.create_task_group() as tasks:
        tasks.start_soon(card.run)
        tasks.start_soon(path.carry, session, card)
        tasks.start_soon(listen, session, path)
        await until_quiet(session, card, path)
        taken = anyio.current_time() - begun
        tasks.cancel_scope.cancel()
    return taken


def model(*, tells: bool) -> ScriptedInteraction:
    line = delegate("the time in Rome", at=2, saying="One moment.")
    return ScriptedInteraction(line, hears=True, voices_notes=tells, weaving=Weaving.MODEL)


async def test_a_result_that_the_model_never_tells_is_not_waited_for_to_the_end():
    taken = await seconds_until_quiet(model(tells=False), ScriptedBackground(answer="It is four.", after=2.0))
    assert UNANSWERED_SECONDS < taken < LONGEST_SECONDS / 2


async def test_a_result_that_is_looked_up_for_long_is_waited_for():
    taken = await seconds_until_quiet(model(tells=True), ScriptedBackground(answer="It is four.", after=40.0))
    assert 40 < taken < LONGEST_SECONDS
