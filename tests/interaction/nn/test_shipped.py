"""The weights that come with the package do what they were trained for, typed to: cue, timer, delegation."""

from __future__ import annotations

import pytest
import torch

from counterpoint.interaction.nn.beat import Incoming, advance, begin
from counterpoint.interaction.nn.checkpoint import SHIPPED, load_model
from counterpoint.interaction.nn.model import InteractionNet


@pytest.fixture(scope="module")
def model() -> InteractionNet:
    torch.set_num_threads(1)
    return load_model()


def said(model: InteractionNet, typed: dict[int, str], beats: int = 45) -> list[tuple[int, str]]:
    state, found = begin(model), []
    for number in range(beats):
        beat, state = advance(model, state, Incoming(typed=typed.get(number, "")))
        if beat.said or beat.control:
            found.append((number, beat.said or beat.control))
    return found


def test_the_package_stays_small() -> None:
    assert SHIPPED.stat().st_size < 25_000_000


def test_a_cue_is_answered_in_the_beat_in_which_it_comes(model: InteractionNet) -> None:
    assert said(model, {2: "when i say ball you say green", 25: "look at the ball"}) == [(28, "green")]


def test_a_timer_waits(model: InteractionNet) -> None:
    ((beat, word),) = said(model, {2: "please say dog in five seconds"})
    assert word == "dog"
    assert abs(beat - (7 + 25)) <= 3


def test_a_look_up_is_handed_over_and_acknowledged(model: InteractionNet) -> None:
    answer = said(model, {2: "look up the weather in paris"})
    assert [word for _, word in answer] == ["<delegate>", "let", "me", "check"]
    assert answer[0][0] == 7
