"""With loudspeakers the model hears its own words come back, and they are nobody else's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import SHIPPED_VOICE, load_mouth, save_model
from counterpoint.interaction.nn.dmel import FRAMES_PER_BEAT, Levels
from counterpoint.interaction.nn.mouth import Mouth
from counterpoint.interaction.nn.synthesiser import Synthesiser
from counterpoint.interaction.nn.voice import Voice
from training import echo
from training.bank import LOW, STEP, Bank
from training.echo import Echo, OwnWords, own_words, say_all
from training.scene import Scene, Utterance
from training.streams import Room, make_stream, render

BALL, MY, SQUAT = (v.IDS[word] for word in ("ball", "my", "squat"))
QUIET_ROOM = Room(noise=120.0)


def loud_words(words: list[int]) -> OwnWords:
    """Every word is one steady sound, 0 dB in all bands, for as long as it takes."""
    longest = (v.beats_to_say(max(words, key=v.beats_to_say)) + 1) * FRAMES_PER_BEAT
    frames = np.full((longest, 80), round(-LOW / STEP), np.uint8)
    return OwnWords(frames, dict.fromkeys(words, (0, 0)))


def saying(*words: tuple[int, int], beats: int = 16) -> np.ndarray:
    said = np.zeros(beats, np.int64)
    for beat, word in words:
        said[beat] = word
    return said


def when(power: np.ndarray) -> tuple[int, int]:
    """First and last frame with sound."""
    frames = np.flatnonzero(power.max(1) > 1e-9)
    return int(frames[0]), int(frames[-1])


def test_a_word_comes_back_after_the_beat_in_which_it_was_chosen() -> None:
    own, random = loud_words([BALL]), np.random.default_rng(0)
    prompt = own.power(saying((3, BALL)), Echo(0.0), random)
    late = own.power(saying((3, BALL)), Echo(0.0, late=5), random)
    lasts = (v.beats_to_say(BALL) + 1) * FRAMES_PER_BEAT
    assert when(prompt) == (4 * FRAMES_PER_BEAT, 4 * FRAMES_PER_BEAT + lasts - 1)
    assert when(late)[0] == when(prompt)[0] + 5


def test_an_echo_is_as_loud_as_it_is_said_to_be() -> None:
    own, random = loud_words([BALL]), np.random.default_rng(0)
    line = np.linspace(-3, 3, 80)
    power = own.power(saying((0, BALL)), Echo(-10.0, line=line), random)
    np.testing.assert_allclose(10 * np.log10(power[FRAMES_PER_BEAT]), line - 10, atol=0.36)  # half a step of the bank


def test_words_sound_one_after_the_other_and_those_without_a_sound_are_spelled() -> None:
    letters = [v.IDS[letter] for letter in "squat" if letter in v.IDS]
    own = loud_words([BALL, MY, *letters])
    assert own.sounding(saying((2, BALL), (3, MY))) == [(3, BALL), (3 + v.beats_to_say(BALL), MY)]
    assert [word for _, word in own.sounding(saying((2, SQUAT)))] == letters
    assert own.sounding(saying((2, v.IDS["<delegate>"]))) == []


def test_a_word_at_the_very_end_is_cut_off() -> None:
    own = loud_words([BALL])
    power = own.power(saying((13, BALL), (15, BALL)), Echo(0.0, late=9), np.random.default_rng(0))
    assert power.shape == (16 * FRAMES_PER_BEAT, 80)
    assert when(power)[1] == len(power) - 1


def test_a_room_with_an_echo_lets_hear_what_the_model_says_and_not_what_it_does_not(bank: Bank) -> None:
    heard = replace(bank, own=loud_words([BALL]))
    scene = Scene(16, np.random.default_rng(0))
    scene.say(Utterance("mention", (), (), 0.0, {}))
    silent = render(scene, heard, replace(QUIET_ROOM, echo=Echo(-10.0)), np.random.default_rng(0))
    assert silent.max() < -3
    scene.ask(4, [BALL], "cue")
    answered = render(scene, heard, replace(QUIET_ROOM, echo=Echo(-10.0)), np.random.default_rng(0))
    assert when(10 ** (2 * answered) * (answered > -3))[0] == 5 * FRAMES_PER_BEAT
    np.testing.assert_array_equal(render(scene, heard, QUIET_ROOM, np.random.default_rng(0)) > -3, silent > -3)


def test_what_the_model_says_is_never_understood_as_the_person_s_words(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = replace(bank, own=loud_words(list(range(v.CONTROL_PLACES, v.USED))))
    plain = make_stream(np.random.default_rng(7), bank, "cue", 64, Levels())
    monkeypatch.setattr(echo, "SHARE", 1.0)
    echoed = make_stream(np.random.default_rng(7), heard, "cue", 64, Levels())
    np.testing.assert_array_equal(echoed.understood, plain.understood)
    np.testing.assert_array_equal(echoed.target, plain.target)
    assert plain.levels is not None
    assert echoed.levels is not None
    assert (echoed.levels != plain.levels).any()


def test_a_share_of_the_rooms_has_loudspeakers() -> None:
    random = np.random.default_rng(0)
    found = [Echo.draw(random) for _ in range(2000)]
    levels = [each.level for each in found if each]
    assert 0.2 < len(levels) / len(found) < 0.3
    assert -35 <= min(levels) < -30
    assert -8 < max(levels) <= -3


def test_every_word_of_the_shipped_voice_lasts_its_beats_and_is_drawn_anew() -> None:
    voice = Voice(load_mouth(), Synthesiser())
    made = say_all(voice, [BALL, MY], draws=2)
    beats = v.beats_to_say(BALL) + 1, v.beats_to_say(MY) + 1
    assert made["starts"].tolist() == [
        FRAMES_PER_BEAT * n for n in (0, beats[0], 2 * beats[0], 2 * beats[0] + beats[1])
    ]
    assert len(made["frames"]) == FRAMES_PER_BEAT * 2 * sum(beats)
    one, other = np.split(made["frames"][: 2 * FRAMES_PER_BEAT * beats[0]], 2)
    assert (one != other).any()
    assert one.max() > 100  # it is heard


def test_the_words_are_said_once_and_again_by_a_new_voice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Voice, "can_say", lambda _voice, token: token in {BALL, MY})
    first = own_words(tmp_path)
    assert set(first.starts) == {BALL, MY}
    assert "saying every word" in capsys.readouterr().out
    again = own_words(tmp_path)
    assert capsys.readouterr().out == ""
    np.testing.assert_array_equal(again.frames, first.frames)
    assert again.starts == first.starts

    save_model(_another(load_mouth(SHIPPED_VOICE)), tmp_path / "voice.safetensors", {})
    other = own_words(tmp_path, tmp_path / "voice.safetensors")
    assert (other.frames != first.frames).any()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own-words.npz", "voice.json", "voice.safetensors"]


def _another(mouth: Mouth) -> Mouth:
    mouth.mean.data += 0.01
    return mouth
