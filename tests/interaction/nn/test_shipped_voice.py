"""The voice that comes with the package is understood by a recogniser that knows nothing of it, beat by beat as it
would sound.
"""

import json

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import SHIPPED, SHIPPED_VOICE, load_mouth
from counterpoint.interaction.nn.synthesiser import Synthesiser
from counterpoint.interaction.nn.voice import Voice
from training.intelligibility import errors, heard, words_of

LINES = (
    "let me check",
    "it is five degrees and sunny in paris",
    "the train to rome leaves at seven from platform nine",
)


@pytest.fixture(scope="module")
def voice() -> Voice:
    torch.set_num_threads(1)
    return Voice(load_mouth(), Synthesiser())


def sound(voice: Voice, line: str) -> np.ndarray:
    state, pieces, waiting = voice.begin(), [], v.encode(line)
    while True:
        piece, state = voice.speak(state, waiting.pop(0) if waiting and state.word == v.PAD else v.PAD)
        if piece is None:
            return np.concatenate(pieces)
        pieces.append(piece)


def test_model_and_voice_together_stay_small() -> None:
    assert SHIPPED.stat().st_size + SHIPPED_VOICE.stat().st_size < 25_000_000


def test_every_word_that_it_learned_has_a_sound_of_a_reasonable_loudness(voice: Voice) -> None:
    words = [token for number, token in enumerate(v.TOKENS) if voice.can_say(number)]
    assert len(words) == voice.mouth.config.spoken - v.CONTROL_PLACES
    for word in words[::9]:
        samples = sound(voice, word)
        assert 0.005 < np.sqrt((samples**2).mean()) < 0.2, word
        assert np.abs(samples[-800:]).max() < 0.05, word  # it has died away


def test_its_card_says_whose_voice_it_is_and_how_well_it_is_understood() -> None:
    card = json.loads(SHIPPED_VOICE.with_suffix(".json").read_text())
    assert "hibari" in card["voice"]["synthesizer"]
    assert "Apache-2.0" in card["voice"]["authors"]
    assert card["label"].startswith("synthetic")
    ways = card["figures"]["ways"]
    assert ways["flow"]["n"] >= 100
    assert ways["flow"]["wer"][0] <= ways["copy"]["wer"][0] + 0.1


@pytest.mark.real
def test_whisper_understands_it(voice: Voice) -> None:
    wrong = sum(errors(line.split(), words_of(heard(sound(voice, line)))) for line in LINES)
    assert wrong <= 0.25 * sum(len(line.split()) for line in LINES)
