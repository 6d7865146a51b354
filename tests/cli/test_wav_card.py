"""A file in place of a microphone and a speaker, in virtual time: the same path as with a device."""

from array import array

import anyio
import pytest
from speech_doubles import ScriptedEars, ScriptedVoice

from counterpoint.cli.sound_path import SoundPath
from counterpoint.cli.wav_card import WavCard
from counterpoint.config import AUDIO_RATE, BEAT_SECONDS
from counterpoint.interaction.session import Session
from counterpoint.interaction.speech.spoken import SpokenInteraction
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import MediaFault, Played
from counterpoint.testing import ScriptedInteraction, say

pytestmark = pytest.mark.virtual

STORY = "Once there was a small boat, and it sailed far away, beyond the last island, until it was gone."


async def spoken_with(ears: ScriptedEars, *script: object, seconds: float) -> tuple[list[int], list[object]]:
    """What the speaker played, and what the log says of it."""
    inner = ScriptedInteraction(*script, words_per_beat=5)  # type: ignore[arg-type]
    runtime = Runtime(SpokenInteraction(inner, ears, ScriptedVoice()))
    path = SoundPath(AUDIO_RATE, AUDIO_RATE)
    card = WavCard(path, b"\1\0" * round(4 * AUDIO_RATE))

    async def listen(session: Session) -> None:
        async for turn in session:
            path.hear(turn)

    async with runtime, runtime.session("c", buffer=BEAT_SECONDS) as session, anyio.create_task_group() as tasks:
        tasks.start_soon(listen, session)
        tasks.start_soon(card.run)
        tasks.start_soon(path.carry, session, card)
        await anyio.sleep(seconds)
        tasks.cancel_scope.cancel()
    entries = await runtime.store.read(session.conversation, limit=1_000)
    both = array("h", card.both())
    assert both[0] == 1
    return list(both[1::2]), [stored.entry.body for stored in entries]


async def test_all_that_is_said_is_played_once_and_reported() -> None:
    played, log = await spoken_with(ScriptedEars(), say(STORY, at=1), seconds=9.0)
    words = len(STORY.split())
    assert sum(map(bool, played)) / AUDIO_RATE == pytest.approx(0.3 * words, abs=0.01)
    reports = [body for body in log if isinstance(body, Played)]
    assert sum(body.words or 0 for body in reports) == words
    assert not any(body.assumed or body.cut for body in reports)
    assert [body for body in log if isinstance(body, MediaFault)] == []


async def test_who_breaks_in_hears_no_more_within_two_beats_and_the_log_knows_how_far_it_got() -> None:
    ears = ScriptedEars({15: "no wait, stop that"})
    played, log = await spoken_with(ears, say(STORY, at=1), seconds=8.0)
    last = max(index for index, value in enumerate(played) if value) / AUDIO_RATE
    assert 15 * BEAT_SECONDS < last <= 18 * BEAT_SECONDS
    reports = [body for body in log if isinstance(body, Played)]
    assert any(body.cut for body in reports)
    assert 0 < sum(body.words or 0 for body in reports) < len(STORY.split())
