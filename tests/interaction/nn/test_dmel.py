"""The front-end is causal, exact in pieces, and survives bad input."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoint.interaction.nn.dmel import BANDS, FRAMES_PER_BEAT, HOP, RATE, Levels, LogMel, filter_bank

BEAT = FRAMES_PER_BEAT * HOP


def a_sound(seconds: float = 1.0) -> np.ndarray:
    time = np.arange(int(RATE * seconds)) / RATE
    return (0.2 * np.sin(2 * np.pi * 440 * time) + 0.01 * np.random.default_rng(0).standard_normal(len(time))).astype(
        np.float32
    )


def test_a_beat_of_sound_is_eight_frames_of_eighty_bands() -> None:
    mel = LogMel()
    frames, _ = mel(a_sound()[:BEAT], mel.initial_state())
    assert frames.shape == (FRAMES_PER_BEAT, BANDS)


@pytest.mark.parametrize("piece", [HOP, 2 * HOP, BEAT])
def test_pieces_give_exactly_the_frames_of_the_whole(piece: int) -> None:
    mel, sound = LogMel(), a_sound()
    whole, _ = mel(sound, mel.initial_state())
    state, parts = mel.initial_state(), []
    for start in range(0, len(sound), piece):
        frames, state = mel(sound[start : start + piece], state)
        parts.append(frames)
    np.testing.assert_array_equal(Levels().quantise(np.concatenate(parts)), Levels().quantise(whole))


def test_no_frame_sees_the_future() -> None:
    mel, sound = LogMel(), a_sound()
    changed = sound.copy()
    changed[BEAT:] = 0
    before, _ = mel(sound, mel.initial_state())
    after, _ = mel(changed, mel.initial_state())
    np.testing.assert_array_equal(before[:FRAMES_PER_BEAT], after[:FRAMES_PER_BEAT])
    assert not np.allclose(before[FRAMES_PER_BEAT + 1 :], after[FRAMES_PER_BEAT + 1 :])


def test_a_tone_is_loudest_in_the_band_around_its_frequency() -> None:
    mel = LogMel()
    frames, _ = mel(a_sound(), mel.initial_state())
    loudest = int(frames[10:].mean(0).argmax())
    band = filter_bank()[loudest]
    assert band[round(440 / (RATE / 2) * (len(band) - 1))] > 0


def test_silence_clipping_and_numbers_that_are_none_stay_within_the_levels() -> None:
    mel, levels = LogMel(), Levels()
    for sound in (np.zeros(BEAT), np.full(BEAT, 50.0), np.full(BEAT, np.nan), np.full(BEAT, -np.inf)):
        frames, _ = mel(sound.astype(np.float32), mel.initial_state())
        assert np.isfinite(frames).all()
        assert levels.quantise(frames).max() < levels.count


def test_half_a_hop_of_samples_is_refused() -> None:
    mel = LogMel()
    with pytest.raises(ValueError, match="multiple of 400"):
        mel(np.zeros(HOP // 2, np.float32), mel.initial_state())


def test_restored_levels_are_within_half_a_step() -> None:
    levels = Levels(-5.0, 1.0, 16)
    values = np.linspace(-5, 1, 200)
    assert np.abs(levels.restore(levels.quantise(values)) - values).max() <= 0.5 * 6 / 15 + 1e-6
