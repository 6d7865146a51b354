"""The native model in a whole runtime, in real time: a voice that it was never trained on streams in as sound, its own
streams out, and a recogniser that knows neither says what was heard.
"""

import numpy as np
import pytest

from counterpoint.config import AUDIO_RATE, BEAT_SECONDS
from counterpoint.evaluation.items import COMES_ALONG, Hand, Item, Suite, load_items
from counterpoint.evaluation.sound import read_wav
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import AudioChunk
from counterpoint.shared_context.entries import Asked, Failed
from counterpoint.testing import ScriptedBackground, play
from counterpoint.testing.person import PIECE_SECONDS, Cue, Person
from training.intelligibility import heard, words_of

pytestmark = pytest.mark.real

PIECE = round(PIECE_SECONDS * AUDIO_RATE) * 2


def microphone(sound: bytes) -> Person:
    """Pieces of 20 ms, each when its last sample has been recorded."""
    return tuple(
        Cue((seq + 1) * PIECE_SECONDS, AudioChunk(sound[seq * PIECE : (seq + 1) * PIECE], seq, seq * PIECE_SECONDS))
        for seq in range(len(sound) // PIECE)
    )


@pytest.fixture
def runtime() -> Runtime:
    return Runtime("native", ScriptedBackground(answer="it is open", after=2.5))


@pytest.fixture
def item() -> Item:
    items = load_items(COMES_ALONG)
    return next(each for each in items if each.suite is Suite.DELEGATION and each.split == "unseen variants")


@pytest.fixture
def sound(item: Item) -> bytes:
    return read_wav(COMES_ALONG / item.sound, AUDIO_RATE)


async def test_what_is_asked_aloud_is_understood_handed_over_and_recorded(
    runtime: Runtime, item: Item, sound: bytes
) -> None:
    handed = next(each for each in item.expect if isinstance(each, Hand))
    seconds = handed.end + 2.0
    pieces = microphone(sound)[: round(seconds / PIECE_SECONDS)]
    played = await play(runtime, pieces, beats=round(seconds / BEAT_SECONDS))
    asked = {each.word for each in item.words if each.end <= handed.end}
    understood = "".join(turn.understood for turn in played).split()
    assert len(asked & set(understood)) >= 0.6 * len(asked)
    request = played.bodies(Asked)[0].delegation.request.split()
    assert set(request) <= set(understood)
    assert "let me check" in played.said
    assert played.bodies(Failed) == []
    agent = b"".join(turn.audio for turn in played if turn.audio)
    assert "check" in words_of(heard(np.frombuffer(agent, "<i2").astype(np.float32) / 32768))
