"""`counterpoint demo --wav`, run as a person runs it: a spoken question is answered in sound."""

import os
import subprocess
import sys
import wave
from array import array
from pathlib import Path

import anyio
import pytest

from counterpoint.config import AUDIO_RATE
from counterpoint.interaction.speech.load import load_voice

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "counterpoint.cli.main"]

pytestmark = pytest.mark.real


async def run(*arguments: str, command: str = "demo") -> subprocess.CompletedProcess[bytes]:
    with anyio.fail_after(100):
        return await anyio.run_process([*COMMAND, command, *arguments], check=False, cwd=ROOT, env=dict(os.environ))


@pytest.fixture
def question(tmp_path: Path) -> Path:
    voice = load_voice("pico:en-GB")
    try:
        sound = voice.say("When does the last boat leave the harbour?").result().audio
    finally:
        voice.close()
    path = tmp_path / "question.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_RATE)
        file.writeframes(bytes(AUDIO_RATE) + sound)
    return path


async def test_a_spoken_question_is_answered_in_sound(question: Path, tmp_path: Path) -> None:
    (tmp_path / "boats.md").write_text("# Boats\n\nThe last boat leaves the harbour at nine, from the stone pier.\n")
    heard = ("--wav", str(question), "--ears", "whisper", "--voice", "pico")
    ran = await run(*heard, "--docs", str(tmp_path), "--store", "memory://")
    assert ran.returncode == 0, ran.stderr
    assert "stone pier" in " ".join(ran.stdout.decode().replace("|", " ").split())
    with wave.open(str(tmp_path / "question.answer.wav")) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, AUDIO_RATE)
        both = array("h", file.readframes(file.getnframes()))
    person, agent = both[::2], both[1::2]
    spoke = [index for index in range(len(person)) if abs(person[index]) > 1000]
    answered = [index for index in range(len(agent)) if abs(agent[index]) > 1000]
    assert answered[0] > spoke[-1] > spoke[0] > 0
    assert (answered[0] - spoke[-1]) / AUDIO_RATE < 10


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--wav", "q.wav"), "q.wav is no WAV file"),  # our own model hears by itself
        (("--wav", "q.wav", "--interaction", "local:smollm2"), "--ears"),
        (("--wav", "q.wav", "--answer", "no/such/folder/a.wav"), "no/such/folder is not a folder"),
        (("--answer", "no/such/folder/a.wav"), "no/such/folder is not a folder"),
        (("--answer", "a.wav", "--interaction", "local:smollm2"), "--wav FILE"),
        (("--ears", "whisper", "--voice", "pico"), "--wav FILE"),
        (("--wav", "q.wav", "--ears", "whisper"), "belong together"),
        (("--wav", "q.wav", "--ears", "wisper", "--voice", "pico"), "known: whisper"),
        (("--wav", "q.wav", "--ears", "whisper", "--voice", "festival"), "known: pico"),
    ],
)
async def test_what_cannot_be_heard_or_said_is_told_in_a_sentence(arguments: tuple[str, ...], told: str) -> None:
    ran = await run(*arguments, "--store", "memory://")
    assert ran.returncode == 1
    assert told in ran.stderr.decode()
    assert "Traceback" not in ran.stderr.decode()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--audio", "--wav", "q.wav"), "exclude each other"),
        (("--out", "a.wav"), "--wav FILE"),
        (("--ears", "whisper", "--voice", "pico"), "with --audio"),
        (("--wav", "q.wav"), "local:smollm2 does not hear: say who hears for it"),
        (("--wav", "none.wav", "--ears", "whisper", "--voice", "pico"), "none.wav is no WAV file"),
    ],
)
async def test_talk_tells_what_goes_together_and_what_it_cannot_hear(arguments: tuple[str, ...], told: str) -> None:
    ran = await run(*arguments, command="talk")
    assert ran.returncode == 1
    assert told in ran.stderr.decode()
    assert "Traceback" not in ran.stderr.decode()
