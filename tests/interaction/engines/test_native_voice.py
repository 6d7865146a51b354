"""Words on their way out: said when they have been heard to their end, or at once where there is no voice."""

import numpy as np
import pytest
from small_voice import small_voice

from counterpoint.interaction.engines.native_voice import Aloud, Chosen, Out, Written, in_beats
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.synthesiser import FADE
from counterpoint.interaction.nn.voice import Voice
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import NoteId

BEAT_BYTES = 6400


@pytest.fixture(scope="module")
def voice() -> Voice:
    return small_voice()


@pytest.fixture
def aloud(voice: Voice) -> Aloud:
    return Aloud(voice)


def texts(outs: list[Out]) -> list[str]:
    return ["".join(each.text for each in out.said) for out in outs]


def beats(aloud: Aloud, count: int) -> list[Out]:
    return [aloud.beat() for _ in range(count)]


def test_a_word_is_said_in_the_beat_in_which_it_has_been_heard_to_its_end(aloud: Aloud) -> None:
    aloud.add(Chosen("Seventeen", "seventeen"))
    aloud.add(Chosen(" the", "the"))
    outs = beats(aloud, 7)
    assert texts(outs) == ["", "", "Seventeen", " the", "", "", ""]
    assert [bool(out.audio) for out in outs] == [True] * 5 + [False] * 2  # the last word dies away
    assert all(len(out.audio) == BEAT_BYTES for out in outs if out.audio)


def test_it_is_busy_until_the_last_word_has_died_away(aloud: Aloud) -> None:
    assert not aloud.busy
    aloud.add(Chosen("the", "the"))
    assert aloud.busy
    aloud.beat()
    assert aloud.busy
    assert not aloud.waiting
    aloud.beat()
    assert not aloud.busy


def test_what_is_stopped_in_its_middle_was_not_said(aloud: Aloud) -> None:
    for text in ("seven", " seventeen", " paris"):
        aloud.add(Chosen(text, text.strip()))
    said = "".join(texts(beats(aloud, 3)))
    out, unsaid = aloud.stop()
    assert said == "seven"
    assert unsaid == "seventeen paris"
    assert out.said == ()
    samples = np.frombuffer(out.audio, "<i2")
    assert samples[:FADE].any()
    assert not samples[FADE:].any()
    assert beats(aloud, 2) == [Out(), Out()]
    aloud.add(Chosen(" rome", "rome"))
    assert texts(beats(aloud, 2)) == ["", " rome"]


def test_stopping_a_voice_that_is_silent_makes_no_sound(aloud: Aloud) -> None:
    assert aloud.stop() == (Out(), "")


def test_giving_up_what_waits_lets_the_word_that_sounds_end(aloud: Aloud) -> None:
    for text in ("seventeen", " paris", " rome"):
        aloud.add(Chosen(text, text.strip()))
    aloud.beat()
    assert aloud.give_up() == "paris rome"
    assert texts(beats(aloud, 3)) == ["", "seventeen", ""]
    assert aloud.give_up() == ""


def test_a_word_that_stands_in_for_another_is_not_heard_in_its_place(voice: Voice, aloud: Aloud) -> None:
    """The model copies "Oslo" as a token of some word that it has; what sounds are the letters of what is written."""
    aloud.add(Chosen("Oslo.", "platform"))
    letters = sum(v.beats_to_say(v.IDS[letter]) for letter in "oslo")
    assert texts(beats(aloud, letters + 1)) == [""] * (letters - 1) + ["Oslo.", ""]


def test_a_number_in_two_words_is_heard_in_both_and_written_once(aloud: Aloud) -> None:
    aloud.add(Chosen(" 25", "twenty"))
    aloud.add(Chosen("", "five"))
    outs = beats(aloud, 6)
    assert texts(outs) == ["", " 25", "", "", "", ""]
    assert [bool(out.audio) for out in outs] == [True] * 5 + [False]


def test_what_has_no_letters_that_sound_holds_nothing_up(aloud: Aloud) -> None:
    aloud.add(Chosen("東京", "<unknown>"))
    aloud.add(Chosen(" the", "the"))
    assert texts(beats(aloud, 2)) == ["東京 the", ""]


def test_what_a_note_voices_goes_out_with_its_word(aloud: Aloud) -> None:
    voiced = Voiced(NoteId("n"), 3, 8)
    aloud.add(Chosen("paris", "paris", (voiced,)))
    first, second = beats(aloud, 2)
    assert first.said == ()
    assert second.said[0].voiced == (voiced,)


def test_without_a_voice_words_go_out_at_once_and_without_sound() -> None:
    written = Written()
    written.add(Chosen("seventeen", "seventeen"))
    assert written.beat() == Out((Chosen("seventeen", "seventeen"),))
    assert written.beat() == Out()
    assert written.stop() == (Out(), "")
    assert written.give_up() == ""
    assert not written.busy


def test_beats_of_which_some_sound_are_as_long_as_they_are() -> None:
    sound = b"\1" * BEAT_BYTES
    assert in_beats([Out(), Out()]) == b""
    assert in_beats([Out(), Out(audio=sound)]) == bytes(BEAT_BYTES) + sound
