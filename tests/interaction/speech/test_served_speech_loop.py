"""The whole loop with ears and a voice behind HTTP: a server in another process recognises and speaks for real, and a
recogniser that heard nothing before says what came out.
"""

from collections.abc import Generator
from pathlib import Path

import pytest
from anyio import to_thread
from hearing_aloud import microphone, understood, word_errors
from speech_server import speech_server

from counterpoint.config import AUDIO_RATE
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.speech.ears import Ears
from counterpoint.interaction.speech.load import load_ears, load_voice, paced
from counterpoint.interaction.speech.recogniser import load
from counterpoint.interaction.speech.spoken import SpokenInteraction
from counterpoint.interaction.speech.voice import Voice
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import Asked, Failed
from counterpoint.testing import ScriptedInteraction, play, say
from counterpoint.tools.search import documents

pytestmark = pytest.mark.real

SECOND = 2 * AUDIO_RATE


@pytest.fixture(scope="module")
def url() -> Generator[str, None, None]:
    with speech_server() as url:
        yield url


@pytest.fixture(scope="module")
def ears(url: str) -> Generator[Ears, None, None]:
    served = load_ears(f"{url}#whisper-1")
    yield served
    served.close()


@pytest.fixture(scope="module")
def agent(url: str) -> Generator[Voice, None, None]:
    voice = load_voice(f"{url}#tts-1:en-US")
    yield voice
    voice.close()


@pytest.fixture(scope="module")
def person() -> Generator[Voice, None, None]:
    voice = load_voice("pico:en-GB")
    yield voice
    voice.close()


def asks(voice: Voice, text: str) -> bytes:
    return bytes(SECOND // 2) + voice.say(text).result().audio


async def test_a_question_asked_aloud_is_looked_up_and_answered_aloud_through_servers(
    ears: Ears, agent: Voice, person: Voice, tmp_path: Path
) -> None:
    (tmp_path / "boats.md").write_text(
        "# Boats\n\nThe last boat leaves the harbour in the evening, from the stone pier.\n"
    )
    inner = await to_thread.run_sync(load_interaction, paced("local:smollm2"))
    runtime = Runtime(SpokenInteraction(inner, ears, agent), "retrieval", tools=[documents(tmp_path)])
    played = await play(runtime, microphone(asks(person, "When does the last boat leave the harbour?")), beats=90)
    request = played.bodies(Asked)[0].delegation.request
    assert word_errors("When does the last boat leave the harbor?", request.replace("harbour", "harbor")) < 0.3
    assert "stone pier" in played.said
    judge, _ = await to_thread.run_sync(load, 1)
    assert word_errors(played.said, understood(judge, b"".join(turn.audio for turn in played))) < 0.3
    assert played.bodies(Failed) == []


async def test_speech_through_a_server_stops_within_two_beats_of_the_words_being_known(
    ears: Ears, agent: Voice, person: Voice
) -> None:
    long = (
        "There is much to tell, about the sea, and the boats on it, and the people who sail them, day after day. " * 3
    )
    runtime = Runtime(SpokenInteraction(ScriptedInteraction(say(long, at=1), words_per_beat=5), ears, agent))
    played = await play(runtime, microphone(asks(person, "No, stop talking, please."), at=2.0), beats=60)
    known = next(turn.beat for turn in played if turn.understood)
    stop = next(turn.beat for turn in played if turn.flush)
    assert stop - known <= 2
    assert any(turn.audio for turn in played if turn.beat < known)
    assert not any(turn.audio for turn in played if turn.beat > stop)
    assert long.startswith(played.said)


def test_a_wrong_model_is_told_which_there_are(url: str) -> None:
    with pytest.raises(ConfigurationError, match="has no model 'whisper-2'; it has: tts-1, whisper-1"):
        load_ears(f"{url}#whisper-2")
    with pytest.raises(ConfigurationError, match="has no model 'tts-2'; it has: tts-1, whisper-1"):
        load_voice(f"{url}#tts-2:amy")
