"""The whole loop in real time: one voice asks, Whisper hears, the answer is looked up and spoken by another voice, and
Whisper over the whole sound (the ears heard none of it) says what came out. Whoever breaks in ends it.
"""

from collections.abc import Generator
from pathlib import Path

import pytest
from anyio import to_thread
from hearing_aloud import microphone, understood, word_errors

from counterpoint.config import AUDIO_RATE, BEAT_SECONDS
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.session import Session
from counterpoint.interaction.speech.load import load_ears, load_voice, paced
from counterpoint.interaction.speech.recogniser import Recogniser, load
from counterpoint.interaction.speech.spoken import SpokenInteraction
from counterpoint.interaction.speech.voice import Voice
from counterpoint.interaction.speech.whisper import WhisperEars
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import Asked
from counterpoint.testing import ScriptedInteraction, play, say
from counterpoint.tools.search import documents

pytestmark = pytest.mark.real

SECOND = 2 * AUDIO_RATE


@pytest.fixture(scope="module")
def agent() -> Generator[Voice, None, None]:
    voice = load_voice("pico")
    yield voice
    voice.close()


@pytest.fixture(scope="module")
def person() -> Generator[Voice, None, None]:
    voice = load_voice("pico:en-GB")
    yield voice
    voice.close()


@pytest.fixture(scope="module")
def ears() -> Generator[WhisperEars, None, None]:
    loaded = load_ears("whisper")
    assert isinstance(loaded, WhisperEars)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def judge() -> Recogniser:
    return load(1)[0]


def asks(voice: Voice, text: str) -> bytes:
    return bytes(SECOND // 2) + voice.say(text).result().audio


async def test_a_question_asked_aloud_is_looked_up_and_answered_aloud(
    agent: Voice, person: Voice, ears: WhisperEars, judge: Recogniser, tmp_path: Path
) -> None:
    (tmp_path / "boats.md").write_text(
        "# Boats\n\nThe last boat leaves the harbour in the evening, from the stone pier.\n"
    )
    inner = await to_thread.run_sync(load_interaction, paced("local:smollm2"))
    runtime = Runtime(SpokenInteraction(inner, ears, agent), "retrieval", tools=[documents(tmp_path)])
    sound = asks(person, "When does the last boat leave the harbour?")
    played = await play(runtime, microphone(sound), beats=75)
    heard = "".join(turn.understood for turn in played)
    assert "boat" in heard.casefold()
    request = played.bodies(Asked)[0].delegation.request
    assert word_errors("When does the last boat leave the harbor?", request.replace("harbour", "harbor")) < 0.3
    assert "stone pier" in played.said
    answer = b"".join(turn.audio for turn in played)
    assert word_errors(played.said, understood(judge, answer)) < 0.3


async def test_an_answer_that_is_interrupted_aloud_stops_within_two_beats_of_the_words_being_known(
    agent: Voice, person: Voice, ears: WhisperEars
) -> None:
    long = (
        "There is much to tell, about the sea, and the boats on it, and the people who sail them, day after day. " * 3
    )
    runtime = Runtime(SpokenInteraction(ScriptedInteraction(say(long, at=1), words_per_beat=5), ears, agent))
    played = await play(runtime, microphone(asks(person, "No, stop talking, please."), at=2.0), beats=35)
    known = next(turn.beat for turn in played if turn.understood)
    stop = next(turn.beat for turn in played if turn.flush)
    assert stop - known <= 2
    assert played[known - 1].audio
    assert not any(turn.audio for turn in played if turn.beat > stop)
    assert long.startswith(played.said)


async def test_ears_that_hear_late_delay_no_beat(agent: Voice, person: Voice, ears: WhisperEars) -> None:
    def listener(session: Session, turn: object) -> None:
        del session, turn

    runtime = Runtime(SpokenInteraction(ScriptedInteraction(), ears, agent))
    played = await play(runtime, microphone(asks(person, "One two three four five.")), beats=20, listener=listener)
    assert sorted(turn.late for turn in played)[10] < BEAT_SECONDS / 4
