"""What speech servers answer, read without a connection: transcriptions of every detail, sound of every kind."""

import json
import struct
from array import array

import pytest

from counterpoint.engines.http.quirks import (
    SpeechQuirks,
    adjusted_sound,
    adjusted_transcription,
    known_speech_quirks,
)
from counterpoint.engines.http.speech_server import SoundBody
from counterpoint.engines.http.transcript import NoTranscript, Transcript, transcript_of
from counterpoint.interaction.speech.ears import HeardWord
from counterpoint.interaction.speech.served_sound import OddSound, sound_in
from counterpoint.interaction.speech.transcribed import words_in


def told(**fields: object) -> Transcript:
    return transcript_of(json.dumps(fields).encode())


WORDS = [{"word": "No", "start": 0.1, "end": 0.3}, {"word": "thanks", "start": 0.4, "end": 0.8}]


def test_words_keep_their_own_times_and_the_punctuation_of_the_text() -> None:
    words = words_in(told(text="No, thanks.", words=WORDS), 1.0, since=10.0)
    assert words == [HeardWord("No,", 10.1, 10.3), HeardWord("thanks.", 10.4, 10.8)]


def test_words_that_stand_in_segments_are_found() -> None:
    segment = {"text": "No, thanks.", "start": 0.1, "end": 0.8, "words": WORDS}
    assert [word.start for word in words_in(told(text="No, thanks.", segments=[segment]), 1.0, 0.0)] == [0.1, 0.4]


def test_words_that_are_written_otherwise_than_they_are_timed_are_taken_as_timed() -> None:
    assert [word.text for word in words_in(told(text="No thanks to you", words=WORDS), 1.0, 0.0)] == ["No", "thanks"]


def test_without_word_times_they_are_spread_over_their_segment_by_their_letters() -> None:
    segments = [{"text": " Yes,", "start": 0.0, "end": 0.5}, {"text": " absolutely.", "start": 2.0, "end": 3.0}]
    yes, absolutely = words_in(told(text="Yes, absolutely.", segments=segments), 3.0, since=1.0)
    assert (yes.start, yes.end, absolutely.start, absolutely.end) == (1.0, 1.5, 3.0, 4.0)


def test_of_bare_text_words_are_spread_over_the_sound() -> None:
    words = words_in(told(text="a long thing"), 2.0, since=0.0)
    assert [word.text for word in words] == ["a", "long", "thing"]
    assert words[0].start == 0.0
    assert words[-1].end == 2.0
    assert words[0].end < words[1].end - words[1].start


def test_times_beyond_the_sound_are_cut_to_it() -> None:
    words = [{"word": "Thanks", "start": -1.0, "end": 99.0}]
    assert words_in(told(text="Thanks", words=words), 2.0, since=5.0) == [HeardWord("Thanks", 5.0, 7.0)]


def test_what_the_recogniser_doubts_and_what_it_repeats_was_not_said() -> None:
    noise = {"text": "Thank you.", "start": 0.0, "end": 1.0, "no_speech_prob": 0.97, "avg_logprob": -0.4}
    unlikely = {"text": "Thank you.", "start": 0.0, "end": 1.0, "no_speech_prob": 0.1, "avg_logprob": -3.0}
    assert words_in(told(text="Thank you.", segments=[noise]), 1.0, 0.0) == []
    assert words_in(told(text="Thank you.", segments=[unlikely]), 1.0, 0.0) == []
    assert words_in(told(text="and so on " * 20), 1.0, 0.0) == []
    assert words_in(told(text=" "), 1.0, 0.0) == []


def test_a_transcription_whose_times_cannot_be_read_is_taken_as_text() -> None:
    assert told(text="Hello", words="none", segments=[{"start": "early"}]) == Transcript("Hello")
    assert told(text="Hello", words=None, segments=None) == Transcript("Hello")


@pytest.mark.parametrize("body", [b"", b"Hello.", b"[]", b'"x"', b"{}", b'{"text": null}', b'{"text": 3}', b"\xff"])
def test_what_is_no_transcription_is_an_error(body: bytes) -> None:
    with pytest.raises(NoTranscript, match="sent a transcription"):
        transcript_of(body)


def test_an_error_in_place_of_a_transcription_is_told() -> None:
    with pytest.raises(NoTranscript, match="out of memory"):
        told(error={"message": "out of memory"})


def test_what_a_server_refuses_is_asked_in_another_way_once() -> None:
    first = SpeechQuirks()
    second = adjusted_transcription(first, "timestamp_granularities is not supported for this model")
    assert second == SpeechQuirks(word_times=False)
    third = adjusted_transcription(second, "response_format 'verbose_json' is not compatible with the model")
    assert third == SpeechQuirks(word_times=False, transcription="json")
    assert adjusted_transcription(third, "response_format 'json' is unknown") is None
    assert adjusted_transcription(first, "no such file") is None
    assert adjusted_sound(first, "response_format: only pcm") == SpeechQuirks(sound="pcm")
    assert adjusted_sound(SpeechQuirks(sound="pcm"), "response_format: only mp3") is None
    assert known_speech_quirks("gpt-4o-mini-transcribe").transcription == "json"
    assert known_speech_quirks("whisper-1") == first


# sound

SAMPLES = array("h", [0, 1000, -1000, 32_767]).tobytes()


def wav(
    data: bytes, *, kind: int = 1, channels: int = 1, rate: int = 24_000, bits: int = 16, size: int | None = None
) -> bytes:
    frame = channels * bits // 8
    layout = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)
    if kind == 0xFFFE:
        layout += struct.pack("<HHI", 22, bits, 0) + struct.pack("<H", 1) + bytes(14)
    listed = b"LIST" + struct.pack("<I", 5) + b"INFO.\0"
    size = len(data) if size is None else size
    chunks = b"fmt " + struct.pack("<I", len(layout)) + layout + listed + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def sent(data: bytes, kind: str = "audio/wav", asked: str = "wav") -> tuple[bytes, int]:
    return sound_in(SoundBody(data, kind, asked), 24_000)


def test_wav_is_read_with_its_own_rate_whatever_was_asked_for() -> None:
    assert sent(wav(SAMPLES, rate=22_050)) == (SAMPLES, 22_050)
    assert sent(wav(SAMPLES), "application/octet-stream", "pcm") == (SAMPLES, 24_000)
    assert sent(wav(SAMPLES, kind=0xFFFE)) == (SAMPLES, 24_000)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_wav_that_was_streamed_has_no_sizes_and_is_read_to_its_end(size: int) -> None:
    assert sent(wav(SAMPLES + b"\0", size=size)) == (SAMPLES, 24_000)


def test_several_channels_become_one_and_floats_become_integers() -> None:
    stereo = array("h", [100, 300, -100, -300]).tobytes()
    assert sent(wav(stereo, channels=2)) == (array("h", [200, -200]).tobytes(), 24_000)
    floats = array("f", [0.0, 2.0, -1.0, float("nan")]).tobytes()
    audio, _ = sent(wav(floats, kind=3, bits=32))
    assert array("h", audio)[:3].tolist() == [0, 32_767, -32_767]


def test_bare_samples_have_the_rate_that_the_server_tells_or_the_one_that_was_named() -> None:
    assert sent(SAMPLES + b"x", "audio/pcm", "pcm") == (SAMPLES, 24_000)
    assert sent(SAMPLES, "audio/pcm;rate=16000;channels=1", "wav") == (SAMPLES, 16_000)
    assert sent(SAMPLES, "audio/L16; rate=44100", "pcm") == (SAMPLES, 44_100)


@pytest.mark.parametrize(
    ("data", "kind", "told"),
    [
        (b"", "audio/wav", "no sound"),
        (b"ID3\x04", "audio/mpeg", "MP3 where wav was asked for"),
        (b"\xff\xfb\x90\x64", "audio/mpeg", "MP3"),
        (b"OggS\0\2", "audio/ogg", "Ogg"),
        (b"OggS\0\2", "audio/pcm", "Ogg"),
        (b"\0\0\0\0", "audio/x-odd", "audio/x-odd"),
        (b"\0\0\0\0", "", "something"),
        (b'{"ok": true}', "application/json", "JSON"),
        (wav(SAMPLES, size=400), "audio/wav", "8 bytes of sound where 400 were announced"),
        (wav(SAMPLES, bits=24), "audio/wav", "24 bits"),
        (wav(SAMPLES, kind=6), "audio/wav", "kind 6"),
        (wav(SAMPLES, channels=0), "audio/wav", "0 channels"),
        (wav(SAMPLES, rate=1), "audio/wav", "1 samples per second"),
        (wav(SAMPLES)[:20], "audio/wav", "broken"),
        (wav(SAMPLES)[:36], "audio/wav", "without sound"),
        (b"RIFF\0\0\0\0WAVEdata\4\0\0\0abcd", "audio/wav", "without sound"),
    ],
)
def test_sound_that_cannot_be_played_is_told_as_what_it_is(data: bytes, kind: str, told: str) -> None:
    with pytest.raises(OddSound, match=told):
        sent(data, kind)
