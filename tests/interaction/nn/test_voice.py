"""Words become sound in step with their beats, and stop at once; a voice's weights are checked like the model's."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import CheckpointError, load_model, load_mouth, save_model
from counterpoint.interaction.nn.mouth import Mouth, MouthConfig
from counterpoint.interaction.nn.synthesiser import FADE, Synthesiser, silent_frame
from counterpoint.interaction.nn.voice import SAMPLES_PER_BEAT, Speaking, Voice

SMALL = MouthConfig(word=16, trail=8, width=32, inner=48, flow=24, blocks=2)
THE, SEVEN, SEVENTEEN = (v.IDS[word] for word in ("the", "seven", "seventeen"))


@pytest.fixture
def mouth() -> Mouth:
    torch.manual_seed(0)
    mouth = Mouth(SMALL).eval()
    with torch.no_grad():
        mouth.mean.copy_(torch.from_numpy(silent_frame()))
        mouth.mean[0] = -4.0
    return mouth


@pytest.fixture
def voice(mouth: Mouth) -> Voice:
    return Voice(mouth, Synthesiser())


def sound_of(voice: Voice, words: list[int], beats: int) -> list[np.ndarray | None]:
    """Beat by beat, the next word as soon as one has ended."""
    state, waiting, found = voice.begin(), list(words), []
    for _ in range(beats):
        following = waiting.pop(0) if waiting and state.word == v.PAD else v.PAD
        sound, state = voice.speak(state, following)
        found.append(sound)
    return found


def test_words_follow_each_other_without_a_gap_and_the_last_one_dies_away(voice: Voice) -> None:
    sounds = sound_of(voice, [THE, SEVENTEEN, SEVEN], 10)
    assert [sound is not None for sound in sounds] == [True] * (1 + 3 + 2 + 1) + [False] * 3
    assert all(len(sound) == SAMPLES_PER_BEAT for sound in sounds if sound is not None)
    assert all(np.abs(sound).max() > 1e-3 for sound in sounds[:6] if sound is not None)


def test_it_is_known_in_which_beat_a_word_ends(voice: Voice) -> None:
    state, ends = voice.begin(), []
    for _ in range(3):
        _, state = voice.speak(state, SEVENTEEN)
        ends.append(state.word == v.PAD)
    assert ends == [False, False, True]


def test_a_voice_that_is_not_asked_for_anything_makes_no_sound(voice: Voice) -> None:
    state = voice.begin()
    sound, after = voice.speak(state)
    assert sound is None
    assert replace(after, mouth=state.mouth) == state
    assert after.mouth == replace(state.mouth, beat=state.mouth.beat + 1)


def test_stopping_in_the_middle_of_a_word_is_silence_after_five_milliseconds(voice: Voice) -> None:
    _, state = voice.speak(voice.begin(), SEVENTEEN)
    sound, state = voice.stop(state)
    assert sound is not None
    assert len(sound) == SAMPLES_PER_BEAT
    assert np.abs(sound[: FADE // 4]).max() > 1e-4
    assert not sound[FADE:].any()
    assert state.word == v.PAD
    assert voice.speak(state)[0] is None
    assert voice.stop(state)[0] is None


def test_after_a_stop_the_next_word_begins_as_the_first_one_did(voice: Voice) -> None:
    _, state = voice.speak(voice.begin(), SEVENTEEN)
    _, stopped = voice.stop(state)
    rest = voice.begin()
    assert stopped.mouth.trail == rest.mouth.trail
    assert torch.equal(stopped.mouth.before, rest.mouth.before)
    assert stopped.vocal.phase == rest.vocal.phase


def test_a_word_said_a_beat_later_is_not_the_same_sound(voice: Voice) -> None:
    (at_once, *_), (silence, later, *_) = sound_of(voice, [SEVEN], 3), sound_of(voice, [v.PAD, SEVEN], 3)
    assert silence is None
    assert at_once is not None
    assert later is not None
    assert np.abs(at_once - later).max() > 1e-4


def test_two_who_speak_with_one_voice_do_not_disturb_each_other(voice: Voice) -> None:
    one, other = voice.begin(), voice.begin()
    alone = sound_of(voice, [SEVEN], 2)
    together: list[np.ndarray | None] = []
    for _ in range(2):
        sound, one = voice.speak(one, SEVEN if one.word == v.PAD else v.PAD)
        _, other = voice.speak(other, SEVENTEEN)
        together.append(sound)
    for first, second in zip(alone, together, strict=True):
        assert first is not None
        assert second is not None
        np.testing.assert_array_equal(first, second)


def test_what_has_no_sound_is_refused_and_leaves_the_state_alone(voice: Voice) -> None:
    state: Speaking = voice.begin()
    assert voice.can_say(THE)
    assert not voice.can_say(v.IDS["<delegate>"])
    with pytest.raises(ValueError, match="has no sound"):
        voice.speak(state, v.IDS["<delegate>"])


@pytest.fixture
def saved(mouth: Mouth, tmp_path: Path) -> Path:
    path = tmp_path / "voice.safetensors"
    save_model(mouth, path, {"seed": 0})
    return path


def test_a_voice_comes_back_in_half_precision(mouth: Mouth, saved: Path) -> None:
    loaded = load_mouth(saved)
    assert loaded.config == SMALL
    torch.testing.assert_close(loaded.words, mouth.words, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(loaded.mean, mouth.mean, atol=1e-2, rtol=1e-3)


def test_a_changed_voice_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-4] + b"oops")
    with pytest.raises(CheckpointError, match=r"not the file that voice\.json describes"):
        load_mouth(saved)


def test_a_voice_of_another_shape_is_refused(saved: Path) -> None:
    card = json.loads(saved.with_suffix(".json").read_text())
    card["config"]["flow"] = 32
    saved.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="does not fit the model"):
        load_mouth(saved)


def test_a_voice_is_no_model_and_a_missing_one_is_said_to_be_missing(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no model card"):
        load_model(saved)
    with pytest.raises(CheckpointError, match="is no model card"):
        load_mouth(tmp_path / "none.safetensors")
    saved.unlink()
    with pytest.raises(CheckpointError, match="is not the file"):
        load_mouth(saved)
