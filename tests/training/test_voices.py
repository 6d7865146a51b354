"""espeak-ng speaks with word times, also where only the PyPI package brings it; RHVoice where Debian's package is."""

from __future__ import annotations

import ctypes.util

import numpy as np
import pytest

from training.align import align
from training.voices import Espeak, RHVoice


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


def test_every_word_has_an_end_and_ends_are_in_order(espeak: Espeak) -> None:
    clip = espeak.say("look at the little door")
    assert clip is not None
    assert clip.words == ("look", "at", "the", "little", "door")
    assert list(clip.ends) == sorted(clip.ends)
    assert clip.ends[-1] <= len(clip.samples) / 16_000
    assert 0.05 < np.abs(clip.samples).max() <= 1


def test_alignment_carries_word_times_over_to_another_speaker(espeak: Espeak) -> None:
    known = espeak.say("when i say garden you say music", "en-us", rate=150, pitch=40)
    other = espeak.say("when i say garden you say music", "en-us", "f3", rate=180, pitch=60)
    assert known is not None
    assert other is not None
    found = align(known, other.samples)
    assert found is not None
    assert np.abs(np.array(found.ends) - np.array(other.ends)).mean() < 0.08


def test_one_that_is_gone_does_not_take_the_voice_of_the_others_with_it(espeak: Espeak) -> None:
    Espeak()
    assert espeak.say("look at the ball") is not None


@pytest.mark.skipif(
    not ctypes.util.find_library("RHVoice"), reason="RHVoice is a training voice, in Debian's non-free section"
)
def test_rhvoice_speaks_at_the_pace_that_is_asked_for_and_its_words_are_found(espeak: Espeak) -> None:
    voice = RHVoice("bdl")
    slow, fast = (voice.samples("when i say garden you say music", speed) for speed in (0.8, 1.3))
    assert len(slow) > 1.3 * len(fast)
    assert 0.05 < np.abs(slow).max() <= 1
    known = espeak.say("when i say garden you say music", "en-us", rate=150, pitch=40)
    assert known is not None
    found = align(known, slow)
    assert found is not None
    assert list(found.ends) == sorted(found.ends)
    assert not len(voice.samples(""))
