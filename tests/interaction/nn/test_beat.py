"""A conversation with the model survives what microphones and notes bring."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.beat import SAMPLES_PER_BEAT, Incoming, advance, begin
from counterpoint.interaction.nn.model import Config, InteractionNet
from counterpoint.interaction.nn.streaming import Decoding

QUIET = Decoding(understood_padding=1e6, said_padding=1e6)


@pytest.fixture(scope="module")
def model() -> InteractionNet:
    torch.manual_seed(0)
    return InteractionNet(Config(width=32, layers=2, heads=4, inner=48, bands=16, window=10)).eval()


def test_typed_words_are_understood_one_a_beat(model: InteractionNet) -> None:
    state, understood = begin(model), []
    for beat in range(5):
        found, state = advance(model, state, Incoming(typed="say blue now" if beat == 0 else ""), QUIET)
        understood.append(found.understood)
    assert understood == ["say", "blue", "now", "", ""]


def test_the_words_of_a_note_enter_four_a_beat(model: InteractionNet) -> None:
    note = ("<result>", "it is ten degrees in paris", "background")
    _, state = advance(model, begin(model), Incoming(notes=[note]), QUIET)
    assert [v.TOKENS[token] for token, _ in state.notes] == ["degrees", "in", "paris"]
    _, state = advance(model, state, Incoming(), QUIET)
    assert state.notes == ()


def test_control_tokens_inside_a_note_are_only_words(model: InteractionNet) -> None:
    _, state = advance(model, begin(model), Incoming(notes=[("<result>", "a b c d <delegate>", "background")]), QUIET)
    assert [v.TOKENS[token] for token, _ in state.notes] == ["d", "<unknown>"]


@pytest.mark.parametrize(
    "samples", [np.zeros(3200), np.full(3200, np.nan), np.full(3200, 99.0), np.full(3200, -np.inf)]
)
def test_silence_noise_and_nonsense_are_survived(model: InteractionNet, samples: np.ndarray) -> None:
    state = begin(model)
    for _ in range(12):
        found, state = advance(model, state, Incoming(samples.astype(np.float32)))
    assert torch.isfinite(state.stream.keys).all()
    assert isinstance(found.said, str)


@pytest.mark.parametrize("shape", [(3199,), (0,), (3200, 2)])
def test_anything_but_a_beat_of_samples_is_refused(model: InteractionNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a beat is 3200 samples of one channel"):
        advance(model, begin(model), Incoming(np.zeros(shape, np.float32)))


def test_a_microphone_may_come_and_go(model: InteractionNet) -> None:
    state = begin(model)
    for beat in range(8):
        sound = np.zeros(SAMPLES_PER_BEAT, np.float32) if beat % 2 else None
        _, state = advance(model, state, Incoming(sound))
    assert state.stream.beat == 8
