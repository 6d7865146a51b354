"""The judge hears what a voice says, when its sound begins, and nothing where nobody speaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import msgspec
import numpy as np
import pytest

from counterpoint.evaluation.activity import onsets
from counterpoint.evaluation.items import Item, Overlap, Recite, Say, Scenario, Spoken, Suite, TakeOver, Turn
from counterpoint.evaluation.judge import Judge, load_judge, placed, stretches, vocabulary
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.living import live
from counterpoint.evaluation.oracle import spoken
from counterpoint.evaluation.report import SOUND, result_of
from counterpoint.evaluation.scoring import score
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import load_mouth
from counterpoint.interaction.nn.synthesiser import Synthesiser
from counterpoint.interaction.nn.voice import Voice as NativeVoice
from counterpoint.interaction.speech.choosing import once
from counterpoint.interaction.speech.ears import HeardWord
from counterpoint.interaction.speech.load import load_ears, load_voice
from counterpoint.interaction.speech.spoken import SpokenInteraction
from counterpoint.interaction.speech.voice import Voice
from counterpoint.testing import ScriptedInteraction
from counterpoint.testing.scripted_interaction import say

ANSWERS = ("green", "water", "seven", "orange")
CUES = Item(
    "cues",
    Suite.CUESPEAK,
    "seen voices",
    9.0,
    expect=tuple(Say("cue", 0.8 + 2 * n, 2.0 + 2 * n, (word,), 1.0 + 2 * n) for n, word in enumerate(ANSWERS)),
)
TOLD = ("it", "is", "nine", "degrees", "in", "rome")
RESULT = Item("result", Suite.DELEGATION, "seen voices", 6.0, expect=(Recite(1.0, 5.0, TOLD),))
STORY = Item("story", Suite.DUPLEX, "seen voices", 9.0, expect=(TakeOver(Turn.PAUSE, 3.0),))
OVERLAP = Item(
    "overlap", Suite.DUPLEX, "seen voices", 9.0, expect=(Overlap(Scenario.INTERRUPTION, 4.0, 5.0, ("seven", "apple")),)
)
LONG = [f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyzäöüßéèêáà"]
ITEMS = (CUES, RESULT, STORY, OVERLAP)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return load_judge(ITEMS)


@pytest.fixture(scope="module")
def voice() -> Iterator[Voice]:
    voice = load_voice("pico")
    yield voice
    voice.close()


@pytest.mark.real
@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.id)
def test_the_oracle_that_is_heard_gets_what_the_oracle_gets(judge: Judge, voice: Voice, item: Item) -> None:
    lived = spoken(item, voice)
    heard = judge.judged(item.suite, lived)
    assert not lived.said
    assert score(item, heard).score == 1, heard.said
    assert result_of(item, heard).judged == SOUND


@pytest.mark.real
def test_words_are_heard_when_they_begin(judge: Judge, voice: Voice) -> None:
    heard = judge.judged(Suite.CUESPEAK, spoken(CUES, voice))
    assert [each.word for each in heard.said] == list(ANSWERS)
    assert [each.time for each in heard.said] == pytest.approx([1.15, 3.15, 5.15, 7.15], abs=0.12)
    assert all(0.2 < each.until - each.time < 0.9 for each in heard.said)


@pytest.mark.real
def test_a_soft_word_at_the_beginning_is_heard() -> None:
    line = ["the", "train", "leaves", "at", "ten", "tomorrow"]
    voice, waiting = NativeVoice(load_mouth(), Synthesiser()), v.encode(" ".join(line))
    state, sound = voice.begin(), [np.zeros(8_000, np.float32)]
    while waiting or state.word != v.PAD or state.dying:
        begins = bool(waiting) and state.word == v.PAD
        samples, state = voice.speak(state, waiting.pop(0) if begins else v.PAD)
        assert samples is not None
        sound.append(np.asarray(samples, np.float32))
    pcm = (np.concatenate([*sound, np.zeros(12_800)]) * 32_767).astype("<i2").tobytes()
    told = msgspec.structs.replace(RESULT, expect=(Recite(0.0, 5.0, tuple(line)),))
    assert [each.word for each in load_judge([told]).judged(told.suite, Lived(sound=pcm, rate=16_000)).said] == line


@pytest.mark.real
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_nothing_is_heard_in_silence_and_noise(judge: Judge, rate: int) -> None:
    noise = (np.random.default_rng(0).normal(0, 400, 3 * rate)).astype("<i2").tobytes()
    for sound in (b"", bytes(6 * rate), noise):
        heard = judge.judged(Suite.CUESPEAK, Lived((At(1.0, "green"),), sound=sound, rate=rate))
        assert heard.said == ()
        assert heard.sounding == ()
        assert score(CUES, heard).score == 0


@pytest.mark.real
def test_a_model_that_only_writes_is_judged_on_its_words(judge: Judge) -> None:
    written = Lived((At(1.2, "green"),))
    assert judge.judged(Suite.CUESPEAK, written) == written
    assert result_of(CUES, written).judged.startswith("words")


def test_a_word_of_the_model_is_chosen_among_what_its_suite_wants() -> None:
    assert vocabulary([CUES, RESULT], Suite.CUESPEAK) == set(ANSWERS)
    assert vocabulary([CUES, RESULT], Suite.DELEGATION) == set(TOLD)
    assert {"seven", "apple"} <= vocabulary([OVERLAP], Suite.DUPLEX)


def test_few_words_of_a_suite_are_joined_by_those_of_the_persons_so_that_it_is_no_guess() -> None:
    heard = Item("w", Suite.WORDS, "seen voices", 3.0, words=(Spoken("to", 1.0), Spoken("horse", 2.0, content=True)))
    assert vocabulary([CUES, heard], Suite.CUESPEAK) == {*ANSWERS, "horse"}
    counting = [str(number) for number in range(20, 100)]
    many = msgspec.structs.replace(CUES, expect=(Recite(1.0, 9.0, tuple(counting)), Say("cue", 0, 1, tuple(LONG))))
    assert "horse" not in vocabulary([many, heard], Suite.CUESPEAK)


def test_a_phrase_over_and_over_in_a_short_sound_is_one() -> None:
    assert once(["blue", "blue"], 0.5) == 1
    assert once(["let", "me", "let", "me", "let"], 0.8) == 2
    assert once(["two", "two"], 1.2) == 2
    assert once(["two", "three"], 0.3) == 2
    assert once([], 1.0) == 0


def test_words_are_placed_where_the_sound_begins() -> None:
    heard = [HeardWord("it", 0.8, 1.2), HeardWord("is", 1.42, 1.6), HeardWord("late", 1.7, 2.4)]
    words = placed(heard, [1.0, 1.5], (1.0, 2.2))
    assert [(each.word, each.time) for each in words] == [("it", 1.0), ("is", 1.5), ("late", 1.7)]
    assert words[-1].end == 2.2
    assert placed([], [1.0], (1.0, 2.0)) == []


def test_long_speech_is_recognised_in_pieces_and_short_gaps_are_bridged() -> None:
    assert stretches([(1.0, 2.0), (2.3, 3.0), (4.0, 5.0)]) == [(1.0, 3.0), (4.0, 5.0)]
    pieces = stretches([(0.0, 20.0)])
    assert len(pieces) == 3
    assert max(end - start for start, end in pieces) <= 8
    assert pieces[-1][1] == 20


def test_sound_that_begins_after_quiet_is_an_onset() -> None:
    sound = np.zeros(16_000, np.float32)
    sound[4_000:6_000] = sound[8_000:10_000] = 0.3
    assert onsets(sound, (0.25, 0.625)) == pytest.approx([0.25, 0.5], abs=0.011)


@pytest.mark.real
async def test_a_model_that_speaks_is_judged_by_its_sound_and_at_its_times(judge: Judge, voice: Voice) -> None:
    ears = await anyio.to_thread.run_sync(load_ears, "whisper")
    model = SpokenInteraction(
        ScriptedInteraction(say("Green.", at=4), say("Water.", at=14), words_per_beat=5), ears, voice
    )
    item = msgspec.structs.replace(CUES, seconds=4.4, expect=CUES.expect[:2])
    lived = await live(model, item, Path(), real_time=True)
    ears.close()
    heard = await anyio.to_thread.run_sync(judge.judged, item.suite, lived)
    assert [each.word for each in heard.said] == ["green", "water"]
    assert score(item, heard).score == 1
    assert len(lived.sound or b"") == 2 * round(4.6 * 16_000)
