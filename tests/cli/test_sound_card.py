"""The machine's sound devices, as far as they can be tried without one: what is asked of them, and what they refuse."""

import os
import signal
import sys
from pathlib import Path

import anyio
import pytest
from a_sound_library import Library
from speech_doubles import ScriptedEars, ScriptedVoice

from counterpoint.cli.aloud import by_device
from counterpoint.cli.options import Options
from counterpoint.cli.sound_card import find, sound_card
from counterpoint.errors import ConfigurationError, MissingExtra
from counterpoint.interaction.speech.spoken import SpokenInteraction
from counterpoint.runtime import Runtime
from counterpoint.testing import ScriptedInteraction, say

BLOCK = bytes(640)


def test_a_stream_runs_at_the_models_rate_while_it_is_used() -> None:
    library = Library()
    with sound_card(16_000, library) as (card, path):
        (stream,) = library.streams
        assert (stream.options["samplerate"], stream.options["blocksize"]) == (16_000, 320)
        assert (stream.options["channels"], stream.options["dtype"]) == (1, "int16")
        assert path.rate == 16_000
        assert card.trouble == ""
        assert stream.call_back(b"\1\0" * 320) == BLOCK
        assert path.microphone.pieces()[0].samples == b"\1\0" * 320
    assert stream.closed


def test_a_device_that_cannot_do_the_rate_is_used_at_its_own() -> None:
    library = Library(rates=(44_100,))
    with sound_card(16_000, library) as (_, path):
        assert library.streams[0].options["samplerate"] == path.rate == 44_100
        library.streams[0].call_back(bytes(1_764))
        assert path.microphone.pieces()[0].rate == 44_100


def test_after_an_overflow_time_has_gone_on() -> None:
    library = Library()
    with sound_card(16_000, library) as (_, path):
        library.streams[0].call_back(BLOCK)
        library.streams[0].call_back(BLOCK, lost=True)
        assert [round(piece.media_time, 3) for piece in path.microphone.pieces()] == [0.0, 0.04]


@pytest.mark.parametrize(
    ("library", "told"),
    [
        (Library(devices=()), "Error querying device -1; ask a file instead"),
        (Library(devices=("input",)), "No output device"),
        (Library(broken="Device unavailable"), "Device unavailable"),
        (Library(broken="Illegal combination of I/O devices"), "talk --wav question.wav"),
    ],
)
def test_where_no_device_can_be_used_that_is_told_with_what_to_do_instead(library: Library, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told), sound_card(16_000, library):
        pytest.fail("there is no sound")


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtra, match=r"counterpoint\[audio\]"):
        find()


def test_without_portaudio_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(ConfigurationError, match=r"PortAudio library not found\): apt install libportaudio2"):
        find()


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    library = Library(rates=(48_000,))
    monkeypatch.setitem(sys.modules, "sounddevice", library)
    return library


def runtime(ears: ScriptedEars) -> Runtime:
    inner = ScriptedInteraction(say("Hello to you too.", on="hello"), words_per_beat=5)
    return Runtime(SpokenInteraction(inner, ears, ScriptedVoice()))


@pytest.mark.real
async def test_what_is_said_into_the_microphone_is_answered_by_the_speaker_until_ctrl_c(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    played = bytearray()

    async def speak_and_leave() -> None:
        while not library.streams:
            await anyio.sleep(0.01)
        (stream,) = library.streams
        for _ in range(125):
            await anyio.sleep(0.02)
            played.extend(stream.call_back(b"\1\0" * 960))
        os.kill(os.getpid(), signal.SIGINT)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(speak_and_leave)
            await by_device(runtime(ScriptedEars({2: "hello"})), Options(audio=True))
    assert any(played)
    assert library.streams[0].closed
    shown = capsys.readouterr()
    assert "Hello" in shown.out
    assert "Wear headphones" in shown.err
    assert "beats (" in shown.out


@pytest.mark.real
async def test_a_device_that_stops_ends_the_conversation_with_a_sentence(library: Library) -> None:
    async def unplug() -> None:
        while not library.streams:
            await anyio.sleep(0.01)
        await anyio.sleep(0.3)
        library.streams[0].active = False

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(unplug)
            with pytest.raises(ConfigurationError, match="the sound device has stopped"):
                await by_device(runtime(ScriptedEars()), Options(audio=True))
    assert library.streams[0].closed
