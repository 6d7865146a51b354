"""Real ears and voices by themselves: what they make of speech, silence, noise and clipped sound, and of odd text."""

from collections.abc import Generator

import numpy as np
import pytest
from hearing_aloud import plain

from counterpoint.config import AUDIO_RATE
from counterpoint.errors import ConfigurationError, EngineError
from counterpoint.interaction.speech.agreement import Agreement
from counterpoint.interaction.speech.ears import Heard, HeardWord
from counterpoint.interaction.speech.hearing_on import HearingOn
from counterpoint.interaction.speech.load import load_ears, load_voice, paced
from counterpoint.interaction.speech.recogniser import load
from counterpoint.interaction.speech.stretches import Stretches
from counterpoint.interaction.speech.voice import Voice
from counterpoint.interaction.speech.voice_process import ProcessVoice

real = pytest.mark.real
BEAT = round(0.2 * AUDIO_RATE) * 2


@pytest.fixture(scope="module")
def pico() -> Generator[Voice, None, None]:
    voice = load_voice("pico")
    yield voice
    voice.close()


@pytest.fixture(scope="module")
def stretches() -> Stretches:
    return Stretches(*load(1))


def heard_in(stretches: Stretches, sound: bytes) -> tuple[list[HeardWord], list[str]]:
    """Beat by beat, with a second of silence after it."""
    whole = bytes(4 * BEAT) + sound + bytes(6 * BEAT)
    pieces = [stretches.hear(whole[at : at + BEAT]) for at in range(0, len(whole) - BEAT, BEAT)]
    return [word for each in pieces for word in each.words], [each.failed for each in pieces if each.failed]


def text(words: list[HeardWord]) -> str:
    return " ".join(word.text for word in words)


@real
def test_words_are_heard_with_their_times_and_in_order(stretches: Stretches, pico: Voice) -> None:
    words, failed = heard_in(stretches, pico.say("No, I meant the train to Berlin.").result().audio)
    assert plain(text(words)) == ["no", "i", "meant", "the", "train", "to", "berlin"]
    assert [word.end for word in words] == sorted(word.end for word in words)
    assert failed == []


@real
def test_silence_and_noise_are_no_words(stretches: Stretches) -> None:
    noise = (np.random.default_rng(7).standard_normal(3 * AUDIO_RATE) * 2000).astype("<i2").tobytes()
    tone = (8000 * np.sin(np.arange(2 * AUDIO_RATE) * 2 * np.pi * 220 / AUDIO_RATE)).astype("<i2").tobytes()
    for sound in (bytes(2 * AUDIO_RATE), noise, tone):
        assert heard_in(stretches, sound)[0] == []


@real
def test_clipped_speech_is_understood_and_the_clipping_recorded(stretches: Stretches, pico: Voice) -> None:
    clean = np.frombuffer(pico.say("What is the horizon of a conversation?").result().audio, "<i2").astype(np.float32)
    clipped = np.clip(clean * 25, -32768, 32767).astype("<i2").tobytes()
    words, failed = heard_in(stretches, clipped)
    assert "horizon" in text(words)
    assert any("clipped" in each for each in failed)


@real
def test_speech_without_a_pause_is_heard_as_it_goes_on(stretches: Stretches, pico: Voice) -> None:
    sentence = "the boat sails over the sea to the island and back to the harbour again "
    sound = pico.say(sentence * 5).result().audio
    words, _ = heard_in(stretches, sound)
    assert len(sound) > 2 * AUDIO_RATE * 14
    assert 0.75 * 75 < len(words) < 1.2 * 75


@real
def test_a_voice_says_where_its_words_end(pico: Voice) -> None:
    spoken = pico.say("It leaves at ten, from platform three.").result()
    assert len(spoken.ends) == 7
    assert list(spoken.ends) == sorted(spoken.ends)
    assert 0 < spoken.ends[-1] <= len(spoken.audio) / 2 / AUDIO_RATE


@real
@pytest.mark.parametrize("odd", ["…", "<b> & \\pitch=50", "😀", "a" * 3000, "Zug nach Köln", '"'])
def test_a_voice_survives_odd_text(pico: Voice, odd: str) -> None:
    spoken = pico.say(odd).result()
    assert len(spoken.audio) % 2 == 0
    assert pico.say("Hello.").result().audio


@real
def test_a_synthesizer_that_hangs_is_ended_and_the_next_clause_is_said() -> None:
    voice = ProcessVoice("pico", "en-US", timed=False, seconds=0.001)
    try:
        with pytest.raises(EngineError, match="broke off, or hung"):
            voice.say("Hello.").result()
        voice._seconds = 10.0
        assert voice.say("Hello.").result().audio
    finally:
        voice.close()


@real
def test_a_closed_voice_says_nothing() -> None:
    voice = load_voice("pico:en-GB")
    voice.close()
    with pytest.raises(RuntimeError):
        voice.say("Hello.")


@real
def test_espeak_tells_the_times_of_words_itself() -> None:
    voice = load_voice("espeak")
    try:
        assert voice.capabilities.timed
        assert len(voice.say("Where does the train leave?").result().ends) == 5
    finally:
        voice.close()


def test_a_wrong_name_is_told_what_there_is() -> None:
    with pytest.raises(ConfigurationError, match="no ears called 'wisper'; known: whisper"):
        load_ears("wisper")
    with pytest.raises(ConfigurationError, match=r"no voice called .festival.; known: pico.*espeak.*GPL"):
        load_voice("festival")
    with pytest.raises(ConfigurationError, match="de-DE"):
        load_voice("pico:xx")


def test_a_model_inside_is_given_the_pace_of_a_voice_unless_its_name_says_another() -> None:
    assert paced("local:smollm2") == "local:smollm2?words_per_beat=5&pause_beats=2"
    assert paced("http://h/v1?key=K#m") == "http://h/v1?words_per_beat=5&pause_beats=2&key=K#m"
    assert paced("local:smollm2?pause_beats=3").endswith("pause_beats=2&pause_beats=3")
    assert paced("native") == "native"


def words_of(line: str) -> list[HeardWord]:
    return [HeardWord(word, index, index + 1) for index, word in enumerate(line.split())]


def test_words_count_once_two_guesses_agree_and_the_rest_may_change() -> None:
    agreement = Agreement()
    assert agreement.update(words_of("what is"), final=False) == ([], "what is")
    new, tail = agreement.update(words_of("What is, the horse"), final=False)
    assert (text(new), tail) == ("What is,", "the horse")
    new, tail = agreement.update(words_of("what is the horizon?"), final=True)
    assert (text(new), tail) == ("the horizon?", "")


def test_words_that_are_known_late_are_heard_also_when_no_sound_comes_any_more() -> None:
    class Slow:
        def __init__(self) -> None:
            self.asked = 0

        def hear(self, audio: bytes) -> Heard:
            self.asked += 1
            if self.asked < 25:
                return Heard(speaking=True)
            return Heard(tuple(words_of("hello there"))) if self.asked == 25 else Heard()

        def close(self) -> None:
            pass

    slow = Slow()
    hearing = HearingOn(slow, BEAT // 2)
    understood = [hearing.take(b"\1\0" * (BEAT // 2), 1), *(hearing.take(b"", 1) for _ in range(60))]
    assert "".join(each.text for each in understood) == "hello there"
    assert slow.asked < 40


def test_sound_that_stops_in_the_middle_of_a_word_is_followed_by_silence() -> None:
    class Counting:
        def __init__(self) -> None:
            self.pieces: list[bytes] = []

        def hear(self, audio: bytes) -> Heard:
            self.pieces.append(audio)
            return Heard()

        def close(self) -> None:
            pass

    counting = Counting()
    hearing = HearingOn(counting, BEAT // 2)
    hearing.take(b"\x01\x00" * (BEAT // 2), 1)
    for _ in range(30):
        hearing.take(b"", 1)
    assert len(counting.pieces) == 11
    assert set(counting.pieces[1:]) == {bytes(BEAT)}
