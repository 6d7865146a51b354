"""Frames to sound: continuous across beats, silent at once when stopped, and never a scream."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from counterpoint.interaction.nn.synthesiser import (
    BLOCK,
    CEILING,
    COEFFICIENTS,
    FADE,
    FFT,
    HOP,
    PITCH,
    RATE,
    RMS_LIMIT,
    VOICING,
    WIDTH,
    Synthesiser,
    silent_frame,
)

VOICE = Synthesiser()


def vowel(count: int, pitch: float = 150.0, voicing: float = 1.0) -> np.ndarray:
    """A steady sound with most energy below, as loud as speech."""
    frames = np.zeros((count, WIDTH), np.float32)
    frames[:, 0], frames[:, 1], frames[:, 3] = -5.5, 2.5, 0.6
    frames[:, PITCH], frames[:, VOICING] = np.log(pitch), voicing
    return frames


def gliding(count: int) -> np.ndarray:
    frames = vowel(count)
    frames[:, PITCH] += np.linspace(-0.3, 0.4, count)
    frames[::7, VOICING] = 0
    return frames


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
@example([1, 1, 1, 1, 16, 40])  # a pulse on the edge of a sample, where voicing begins
def test_pieces_sound_as_the_whole_does(sizes: list[int]) -> None:
    frames = gliding(sum(sizes))
    whole, _ = VOICE.speak(frames, VOICE.begin())
    state, pieces, at = VOICE.begin(), [], 0
    for size in sizes:
        piece, state = VOICE.speak(frames[at : at + size], state)
        pieces.append(piece)
        at += size
    assert np.abs(np.concatenate(pieces) - whole).max() < 1e-5


def test_a_beat_of_frames_is_a_beat_of_sound() -> None:
    sound, _ = VOICE.speak(vowel(16), VOICE.begin())
    assert sound.shape == (3200,)
    assert sound.dtype == np.float32
    none, state = VOICE.speak(np.zeros((0, WIDTH)), VOICE.begin())
    assert len(none) == 0
    assert state.position == 0


@pytest.mark.parametrize("pitch", [90.0, 180.0, 310.0])
def test_the_pitch_is_the_one_that_was_asked_for(pitch: float) -> None:
    sound, _ = VOICE.speak(vowel(64, pitch), VOICE.begin())
    steady = sound[4000:] - sound[4000:].mean()
    alike = np.correlate(steady, steady, "full")[len(steady) - 1 :]
    shortest = RATE // 400
    period = shortest + int(np.argmax(alike[shortest : RATE // 70]))
    assert RATE / period == pytest.approx(pitch, rel=0.02)


def test_without_voicing_there_is_only_noise() -> None:
    sound, _ = VOICE.speak(vowel(64, voicing=0.0), VOICE.begin())
    steady = sound[4000:].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady)))) ** 2
    low = spectrum[: len(spectrum) // 8]
    assert low.max() < 40 * low.mean()


def test_the_loudness_is_the_envelopes() -> None:
    flat = vowel(64, voicing=0.0)
    flat[:, 1:COEFFICIENTS] = 0
    flat[:, 0] = np.log(0.05)
    sound, _ = VOICE.speak(flat, VOICE.begin())
    assert np.sqrt((sound[4000:] ** 2).mean()) == pytest.approx(0.05, rel=0.1)


def test_a_closed_mouth_is_silent() -> None:
    sound, _ = VOICE.speak(np.tile(silent_frame(), (32, 1)), VOICE.begin())
    assert np.abs(sound).max() < 1e-4


def test_a_voice_that_is_stopped_falls_silent_within_five_milliseconds() -> None:
    spoken, state = VOICE.speak(vowel(40), VOICE.begin())
    fading, state = VOICE.stop(state)
    assert len(fading) == FADE == RATE // 200
    assert abs(fading[-1]) < 1e-6
    assert abs(float(fading[0]) - float(spoken[-1])) < 0.1  # it goes on from where it was
    after, _ = VOICE.speak(np.tile(silent_frame(), (16, 1)), state)
    assert np.abs(after).max() < 1e-4


BROKEN = {
    "not a number": np.nan,
    "infinite": np.inf,
    "minus infinite": -np.inf,
    "huge": 1e30,
    "loud": 50.0,
    "minus huge": -1e30,
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("where", ["everywhere", "loudness", "pitch", "voicing"])
def test_frames_that_are_no_speech_neither_scream_nor_stick(kind: str, where: str) -> None:
    frames = vowel(64)
    frames[:, {"everywhere": slice(None), "loudness": 0, "pitch": PITCH, "voicing": VOICING}[where]] = BROKEN[kind]
    sound, state = VOICE.speak(frames, VOICE.begin())
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= CEILING
    assert np.sqrt((sound[RATE // 4 :] ** 2).mean()) < 1.2 * RMS_LIMIT
    healed, _ = VOICE.speak(np.concatenate([vowel(16), np.tile(silent_frame(), (16, 1))]), state)
    assert np.isfinite(healed).all()
    assert np.abs(healed[-HOP:]).max() < 1e-3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 1e6))
def test_no_frames_at_all_are_louder_than_the_limit(seed: int, size: float) -> None:
    frames = np.random.default_rng(seed).normal(size=(48, WIDTH)) * size
    sound, _ = VOICE.speak(frames, VOICE.begin())
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= CEILING
    assert np.sqrt((sound[RATE // 4 :] ** 2).mean()) < 1.2 * RMS_LIMIT


def test_frames_of_another_shape_are_refused() -> None:
    for shape in ((3, 41), (42,)):
        with pytest.raises(ValueError, match=r"frames are \[n, 42\]"):
            VOICE.speak(np.zeros(shape), VOICE.begin())


def test_the_constants_fit_each_other() -> None:
    assert HOP % BLOCK == 0
    assert FADE < FFT
