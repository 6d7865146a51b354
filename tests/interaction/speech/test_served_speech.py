"""Ears and a voice behind servers that do everything wrong: what is told, what is tried again, what is stopped."""

import asyncio
import re
import struct
from array import array
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import numpy as np
import pytest
from anyio import to_thread
from chat_server import CUT, FOREVER, Script, Wire, refuses, serving, web_page, whole

from counterpoint.config import AUDIO_RATE
from counterpoint.errors import ConfigurationError, CounterpointError, EngineError
from counterpoint.interaction.speech import served_ears, served_voice
from counterpoint.interaction.speech.load import load_ears, load_voice
from counterpoint.interaction.speech.served_ears import ServedEars, ServedRecogniser
from counterpoint.interaction.speech.served_voice import ServedVoice
from counterpoint.interaction.speech.stretches import Stretches
from counterpoint.interaction.speech.voice import Spoken

pytestmark = pytest.mark.real

BEAT = round(0.2 * AUDIO_RATE) * 2
TONE = array("h", [8_000, -8_000] * 6_000).tobytes()
AUDIO = (("content-type", "audio/pcm"),)


def sound(*parts: object, data: bytes = TONE) -> Script:
    return Script(data, *parts, headers=AUDIO)


def wav(data: bytes = TONE, rate: int = 24_000) -> Script:
    layout = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", 16) + layout + b"data\xff\xff\xff\xff"
    return Script(head, data, headers=(("content-type", "audio/wav"),))


def text(line: str) -> Script:
    return whole({"text": line})


@contextmanager
def voice_at(url: str, **options: object) -> Iterator[ServedVoice]:
    voice = ServedVoice(url, "tts-1", "amy", **options)  # type: ignore[arg-type]
    try:
        yield voice
    finally:
        voice.close()


@contextmanager
def ears_at(url: str, **options: object) -> Iterator[ServedEars]:
    ears = ServedEars(url, "whisper-1", **options)  # type: ignore[arg-type]
    try:
        yield ears
    finally:
        ears.close()


async def said(voice: ServedVoice, clause: str = "It leaves at ten.") -> Spoken:
    with anyio.fail_after(30):
        return await asyncio.wrap_future(voice.say(clause))


async def heard(ears: ServedEars, seconds: float = 1.0) -> list[str]:
    recogniser = ServedRecogniser(ears._ask)
    samples = np.zeros(round(seconds * AUDIO_RATE), np.float32)
    with anyio.fail_after(30):
        return [word.text for word in await to_thread.run_sync(recogniser.words, samples, 0.0)]


# the voice


async def test_a_clause_is_said_at_our_rate_with_estimated_word_times_and_what_was_asked_is_as_documented() -> None:
    wire = Wire(wav(rate=24_000))
    async with serving(wire) as url:
        with voice_at(url) as voice:
            spoken = await said(voice)
            assert not voice.capabilities.timed
    assert len(TONE) / 2 / 24_000 == pytest.approx(len(spoken.audio) / 2 / AUDIO_RATE - 0.3, abs=0.05)
    assert len(spoken.ends) == 4
    assert list(spoken.ends) == sorted(spoken.ends)
    assert spoken.ends[-1] == pytest.approx(len(TONE) / 2 / 24_000, abs=0.05)
    (asked,) = wire.seen
    assert asked.path == "/v1/audio/speech"
    assert asked.body == {
        "model": "tts-1",
        "input": "It leaves at ten.",
        "voice": "amy",
        "response_format": "wav",
    }


async def test_bare_samples_are_taken_at_the_rate_that_was_named() -> None:
    wire = Wire(sound())
    async with serving(wire) as url:
        with voice_at(url, sound="pcm", rate=48_000) as voice:
            spoken = await said(voice)
    assert wire.seen[0].body["response_format"] == "pcm"
    assert spoken.ends[-1] == pytest.approx(len(TONE) / 2 / 48_000, abs=0.05)


async def test_a_server_that_makes_no_wav_is_asked_for_bare_samples_from_then_on() -> None:
    wire = Wire(refuses(400, "response_format wav is not supported"), sound(), sound())
    async with serving(wire) as url:
        with voice_at(url) as voice:
            assert (await said(voice)).audio
            assert (await said(voice)).audio
    assert [seen.body["response_format"] for seen in wire.seen] == ["wav", "pcm", "pcm"]


async def test_what_may_pass_is_tried_again_while_nothing_has_come() -> None:
    wire = Wire(refuses(503, "loading"), refuses(429, "slow down", ("retry-after", "0")), Script(CUT), wav())
    async with serving(wire) as url:
        with voice_at(url) as voice:
            assert (await said(voice)).audio
    assert len(wire.seen) == 4


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (refuses(400, "input is too long"), "answered 400: input is too long"),
        (refuses(401, "wrong key"), "It wants a key: set OPENAI_API_KEY"),
        (refuses(404, "no model tts-1"), "has no model 'tts-1'; it has: m"),
        (refuses(429, "You exceeded your current quota"), "exceeded your current quota"),
        (web_page(), "a web page; does its address end in /v1"),
        (sound(0.05, CUT), "in the middle of the sound"),
        (Script(headers=AUDIO), "sent no sound"),
        (sound(data=bytes(24_000)), "sent silence for 'It leaves at ten.'"),
        (Script(b"ID3\x04" * 99, headers=(("content-type", "audio/mpeg"),)), "sent MP3 where wav was asked for"),
        (whole({"ok": True}), "sent JSON where wav was asked for"),
        (sound(FOREVER, data=bytes(500_000)), "sends sound without end"),
    ],
)
async def test_a_clause_that_cannot_be_said_fails_once_with_what_is_wrong(script: Script, told: str) -> None:
    wire = Wire(script)
    async with serving(wire) as url:
        with voice_at(url) as voice, pytest.raises(CounterpointError, match=told):
            await said(voice)
    assert len([seen for seen in wire.seen if seen.path.endswith("/speech")]) == 1


async def test_a_server_that_says_nothing_at_all_is_waited_for_so_long_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(served_voice, "SECONDS", 0.3)
    monkeypatch.setattr(served_ears, "SECONDS", 0.3)
    wire = Wire(Script(60, headers=AUDIO))
    async with serving(wire) as url:
        with voice_at(url) as voice, pytest.raises(EngineError, match=r"did not answer in 0\.3 s"):
            await said(voice)
        while wire.open:
            await anyio.sleep(0.01)


async def test_where_no_server_runs_that_is_told() -> None:
    with pytest.raises(EngineError, match="cannot be reached: does a server run there"):
        await to_thread.run_sync(load_voice, "http://127.0.0.1:9/v1#tts-1:amy")


async def test_a_clause_that_is_given_up_stops_the_server_at_once() -> None:
    wire = Wire(sound(0.02, FOREVER, data=bytes(2_000)))
    async with serving(wire) as url:
        with voice_at(url) as voice:
            making = voice.say("It leaves at ten.")
            while wire.sent < 3:
                await anyio.sleep(0.01)
            assert making.cancel()
            with anyio.fail_after(5):
                while wire.open:
                    await anyio.sleep(0.01)
            assert wire.hung_up == 1
            wire.scripts = [wav()]
            assert (await said(voice)).audio


async def test_a_closed_voice_stops_the_server_and_fails_what_it_was_saying() -> None:
    wire = Wire(sound(0.02, FOREVER, data=bytes(2_000)))
    async with serving(wire) as url:
        with voice_at(url) as voice:
            making = voice.say("It leaves at ten.")
            while not wire.open:
                await anyio.sleep(0.01)
        with pytest.raises(EngineError, match="was closed"):
            await asyncio.wrap_future(making)
        with pytest.raises(EngineError, match="was closed"):
            await asyncio.wrap_future(voice.say("Hello?"))
        while wire.open:
            await anyio.sleep(0.01)


async def test_clauses_share_a_connection_and_a_clause_without_words_needs_none() -> None:
    wire = Wire(wav())
    async with serving(wire) as url:
        with voice_at(url) as voice:
            assert (await said(voice, "…")).audio == b""
            assert wire.seen == []
            for _ in range(3):
                await said(voice)
            assert voice._server._endpoint._connections._client is not None


# the ears


async def test_a_stretch_is_sent_as_wav_and_words_are_asked_for_with_their_times() -> None:
    wire = Wire(whole({"text": "Yes, no.", "words": [{"word": "Yes", "start": 0, "end": 1}]}))
    async with serving(wire) as url:
        with ears_at(url, language="en") as ears:
            assert await heard(ears) == ["Yes"]
    (asked,) = wire.seen
    assert asked.path == "/v1/audio/transcriptions"
    for part in (b"whisper-1", b"verbose_json", b'timestamp_granularities[]"\r\n\r\nword', b"RIFF", b'"speech.wav"'):
        assert part in asked.body
    assert b'name="language"\r\n\r\nen' in asked.body
    assert len(asked.body) > 2 * AUDIO_RATE


async def test_a_server_without_word_times_is_asked_for_text_from_then_on() -> None:
    wire = Wire(
        refuses(400, "timestamp_granularities[] is not supported"),
        refuses(400, "response_format 'verbose_json' is not compatible with model"),
        text("Yes, no."),
    )
    async with serving(wire) as url:
        with ears_at(url) as ears:
            assert await heard(ears) == ["Yes,", "no."]
            assert await heard(ears) == ["Yes,", "no."]
    assert [b"timestamp_granularities" in seen.body for seen in wire.seen] == [True, False, False, False]
    assert [b"verbose_json" in seen.body for seen in wire.seen] == [True, True, False, False]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (refuses(400, "no such language"), "answered 400: no such language"),
        (refuses(403, "not yours"), "It wants a key"),
        (refuses(404, "no model whisper-1"), "has no model 'whisper-1'; it has: m"),
        (web_page(), "a web page"),
        (Script(b"Hello.", headers=(("content-type", "text/plain"),)), "a transcription that cannot be read"),
        (whole({"error": {"message": "out of memory"}}), "cannot be used: out of memory"),
    ],
)
async def test_a_stretch_that_cannot_be_heard_fails_with_what_is_wrong(script: Script, told: str) -> None:
    async with serving(Wire(script)) as url:
        with ears_at(url) as ears, pytest.raises(CounterpointError, match=told):
            await heard(ears)


async def test_half_a_transcription_is_asked_for_again() -> None:
    async with serving(Wire(Script(b'{"text": "No', CUT), text("No."))) as url:
        with ears_at(url) as ears:
            assert await heard(ears) == ["No."]


class Detector:
    """Hears speech as long as there is sound."""

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        windows = samples[: len(samples) // 512 * 512].reshape(-1, 512)
        return (np.abs(windows).max(axis=1) > 0.01).astype(np.float32)


def stretches_of(ears: ServedEars, **options: float) -> Stretches:
    return Stretches(ServedRecogniser(ears._ask), Detector(), **options)


async def test_of_speech_that_no_server_would_hear_the_record_tells_and_the_next_is_heard() -> None:
    wire = Wire(refuses(400, "broken"))
    async with serving(wire) as url:
        with ears_at(url) as ears:
            stretches = stretches_of(ears)
            pieces = [TONE[:BEAT]] * 8 + [bytes(BEAT)] * 3
            told = [await to_thread.run_sync(stretches.hear, piece) for piece in pieces]
            failed = [each.failed for each in told if each.failed]
            assert len(failed) == 1
            assert re.match(r"1\.\d s of speech were not heard: whisper-1 at .* broken", failed[0])
            wire.scripts = [text("Hello there.")]
            told = [await to_thread.run_sync(stretches.hear, piece) for piece in pieces]
            assert [word.text for each in told for word in each.words] == ["Hello", "there."]


async def test_a_guess_is_skipped_while_more_sound_waits_and_speech_is_sent_as_often_as_was_asked_for() -> None:
    wire = Wire(text("Hello"))
    async with serving(wire) as url:
        with ears_at(url) as ears:
            stretches = stretches_of(ears)
            for _ in range(6):
                assert await to_thread.run_sync(lambda: stretches.hear(TONE[:BEAT], more=True).speaking)
            assert wire.seen == []
            await to_thread.run_sync(stretches.hear, TONE[:BEAT])
            assert len(wire.seen) == 1
            seldom = stretches_of(ears, guess_seconds=2.0)
            for _ in range(9):
                await to_thread.run_sync(seldom.hear, TONE[:BEAT])
            assert len(wire.seen) == 1


async def test_that_somebody_speaks_is_known_before_the_server_says_what() -> None:
    wire = Wire(Script(60))
    async with serving(wire) as url:
        with ears_at(url) as ears:
            ears._detector = Detector()
            hearing = ears.open()
            hearing.hear(TONE[:BEAT] * 4)
            while not wire.open:
                await anyio.sleep(0.01)
            assert hearing.hear(bytes(BEAT)).speaking
            hearing.close()
            with anyio.fail_after(5):
                while wire.open:
                    await anyio.sleep(0.01)


# names


@pytest.fixture
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("http://127.0.0.1:9/v1#tts-1", "which model of 127.0.0.1:9 speaks, and with which voice"),
        ("http://127.0.0.1:9/v1", "URL#MODEL:VOICE"),
        ("http://127.0.0.1:9/v1?sound=mp3#tts-1:amy", "known settings are: key, sound, rate"),
        ("http://127.0.0.1:9/v1?pitch=2#tts-1:amy", "unknown field `pitch`"),
        ("http://127.0.0.1:9/v1?key=NO_SUCH_KEY#tts-1:amy", "no NO_SUCH_KEY"),
    ],
)
def test_a_voice_that_is_not_named_whole_is_told_what_is_missing(name: str, told: str, no_key: None) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load_voice(name)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("http://127.0.0.1:9/v1", "which model of 127.0.0.1:9 hears"),
        ("http://127.0.0.1:9/v1?guess_seconds=0#whisper-1", "guess_seconds"),
        ("http://127.0.0.1:9/v1?accent=welsh#whisper-1", "known settings are: key, language, guess_seconds"),
    ],
)
def test_ears_that_are_not_named_whole_are_told_what_is_missing(name: str, told: str, no_key: None) -> None:
    with pytest.raises(ConfigurationError, match=told):
        load_ears(name)


async def test_a_model_may_have_a_colon_and_a_key_stands_in_its_header_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECH_KEY", "sk-speech")
    wire = Wire(wav())
    async with serving(wire) as url:
        voice = await to_thread.run_sync(load_voice, f"{url}?key=SPEECH_KEY#org/tts:large:amy")
        voice.close()
    asked = wire.seen[-1]
    assert (asked.body["model"], asked.body["voice"]) == ("org/tts:large", "amy")
    assert asked.headers["authorization"] == "Bearer sk-speech"
    assert "sk-speech" not in voice.capabilities.name
