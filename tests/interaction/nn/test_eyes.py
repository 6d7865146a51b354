"""Eyes take any picture there is and refuse what is none; who does not see is as if there were no eyes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn.beat import Incoming, advance, after, begin
from counterpoint.interaction.nn.checkpoint import SHIPPED, load_model, load_weights, save_model
from counterpoint.interaction.nn.eyes import PICTURE, REACH, picture_of
from counterpoint.interaction.nn.model import Batch, Config, InteractionNet
from counterpoint.interaction.nn.streaming import Pictures, open_state, step

SMALL = Config(width=32, layers=2, heads=4, inner=48, bands=16, window=10, deepening=1, trail=2)


def a_seeing_model() -> InteractionNet:
    torch.manual_seed(0)
    model = InteractionNet(SMALL).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def some_pictures(streams: int, beats: int, missing: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    made = torch.Generator().manual_seed(1)
    coarse = torch.randint(0, 256, (streams * beats, 3, 10, 10), generator=made, dtype=torch.uint8)
    pictures = coarse.repeat_interleave(8, 2).repeat_interleave(8, 3).movedim(1, -1)
    seen = torch.rand(streams, beats, generator=made) >= missing
    return pictures.view(streams, beats, PICTURE, PICTURE, 3), seen


def words_only(streams: int, beats: int) -> Batch:
    made = torch.Generator().manual_seed(2)
    understood = torch.randint(50, 300, (streams, beats), generator=made)
    none = torch.zeros(streams, 1, dtype=torch.int64)
    return Batch(
        levels=torch.zeros(streams, beats * 8, 80, dtype=torch.uint8), hears=torch.zeros(streams, dtype=torch.bool),
        understood=understood, said=torch.zeros_like(understood), note_tokens=none, note_beats=none - 1,
        note_sources=none, clock=torch.arange(beats).expand(streams, -1),
    )  # fmt: skip


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.9, 1.0])
def test_seeing_beat_by_beat_is_the_same_as_all_at_once_also_with_gaps(missing: float) -> None:
    model, words = a_seeing_model(), words_only(2, 40)
    pictures, seen = some_pictures(2, 40, missing)
    with torch.no_grad():
        understood, said = model(replace(words, pictures=pictures, seen=seen))
    state = open_state(model, streams=2, capacity=64)
    for beat in range(40):
        state = replace(state, said=words.said[:, beat])
        now = Pictures(pictures[:, beat], seen[:, beat]) if seen[:, beat].any() else None
        found, state = step(model, state, None, typed=words.understood[:, beat], pictures=now)
        torch.testing.assert_close(found.understood_logits, understood[:, beat], atol=2e-4, rtol=2e-4)
        torch.testing.assert_close(found.said_logits, said[:, beat], atol=2e-4, rtol=2e-4)


def test_a_later_picture_never_changes_an_earlier_beat() -> None:
    model, words = a_seeing_model(), words_only(2, 20)
    pictures, seen = some_pictures(2, 20)
    changed = pictures.clone()
    changed[:, 12:] = 255 - changed[:, 12:]
    with torch.no_grad():
        before, after = (model(replace(words, pictures=each, seen=seen)) for each in (pictures, changed))
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one[:, :12], other[:, :12])
        assert not torch.allclose(one[:, 12:], other[:, 12:])


def test_who_has_seen_nothing_for_a_second_is_as_one_who_does_not_see() -> None:
    model = a_seeing_model()
    pictures, seen = some_pictures(1, 20)
    seen[:, 8:] = False
    with torch.no_grad():
        looked, _ = model.eyes(pictures, seen, model.eyes.begin(1))
    assert looked[:, : 8 + REACH].abs().sum(-1).min() > 0
    assert not looked[:, 8 + REACH :].any()


def test_movement_is_seen_and_a_picture_that_stays_is_not_movement() -> None:
    model = a_seeing_model()
    pictures, seen = some_pictures(1, 12)
    still = pictures[:, :1].expand(-1, 12, -1, -1, -1)
    with torch.no_grad():
        stays, _ = model.eyes(still, seen, model.eyes.begin(1))
        moves, _ = model.eyes(pictures, seen, model.eyes.begin(1))
    torch.testing.assert_close(stays[:, 8], stays[:, 11])
    assert not torch.allclose(moves[:, 8], moves[:, 11])


def test_untrained_eyes_change_nothing_and_weights_without_them_fit() -> None:
    torch.manual_seed(0)
    model, words = InteractionNet(SMALL).eval(), words_only(2, 12)
    pictures, seen = some_pictures(2, 12)
    with torch.no_grad():
        for one, other in zip(model(replace(words, pictures=pictures, seen=seen)), model(words), strict=True):
            assert torch.equal(one, other)
    assert not model.eyes.see
    assert a_seeing_model().eyes.see
    other = InteractionNet(SMALL)
    other.take({name: value for name, value in model.state_dict().items() if not name.startswith("eyes.")})


def test_the_shipped_weights_say_without_pictures_what_they_say_without_eyes() -> None:
    torch.set_num_threads(1)
    model, weights = load_model(), load_weights(SHIPPED)
    blind = InteractionNet(model.config).eval()
    blind.take({name: value for name, value in weights.items() if not name.startswith("eyes.")})
    one, other = begin(model), begin(blind)
    for beat in range(8):
        incoming = Incoming(typed="when i say ball you say green" if not beat else "")
        _, one = advance(model, one, incoming)
        _, other = advance(blind, other, incoming)
    assert torch.equal(one.stream.keys, other.stream.keys)


@pytest.mark.parametrize(("height", "width"), [(80, 80), (40, 40), (480, 640), (1080, 1920), (33, 97), (1, 7)])
def test_pictures_of_any_size_become_the_square_in_their_middle(height: int, width: int) -> None:
    side = min(height, width)
    pixels = np.zeros((height, width, 3), np.uint8)
    left = (width - side) // 2
    pixels[:, left : left + side, 1] = 200
    pixels.flags.writeable = False  # as bytes are
    assert (picture_of(pixels) == (0, 200, 0)).all()
    assert picture_of(pixels).flags.writeable


def test_a_pixel_is_the_mean_of_the_area_that_it_covers() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    means = pixels.reshape(80, 2, 80, 2, 3).mean((1, 3))
    np.testing.assert_allclose(picture_of(pixels), means, atol=0.51)


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.full((80, 80, 3), np.nan), "uint8"),
        (np.zeros((80, 80, 3), np.float32), "uint8"),
        (np.zeros((80, 80, 3), np.int64), "uint8"),
        (np.zeros((80, 80), np.uint8), "height x width x 3"),
        (np.zeros((80, 80, 4), np.uint8), "height x width x 3"),
        (np.zeros((0, 80, 3), np.uint8), "height x width x 3"),
    ],
)
def test_what_is_no_picture_is_refused(pixels: np.ndarray, says: str) -> None:
    model = a_seeing_model()
    with pytest.raises(ValueError, match=says):
        advance(model, begin(model), Incoming(picture=pixels))


@pytest.mark.parametrize("beats", [1, 3, 4, 50])
def test_what_was_seen_before_beats_that_nobody_lived_through_is_that_much_older(beats: int) -> None:
    model = a_seeing_model()
    state = begin(model)
    for value in (10, 90, 170):
        _, state = advance(model, state, Incoming(picture=np.full((80, 80, 3), value, np.uint8)))
    lived = state
    for _ in range(beats):
        _, lived = advance(model, lived, Incoming())
    for one, other in zip(
        vars(after(state, beats).stream.sight).values(), vars(lived.stream.sight).values(), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_eyes_that_were_never_trained_are_not_shipped(tmp_path: Path) -> None:
    for model, written in ((InteractionNet(SMALL).eval(), False), (a_seeing_model(), True)):
        save_model(model, tmp_path / "weights.safetensors", {})
        names = load_weights(tmp_path / "weights.safetensors")
        assert any(name.startswith("eyes.") for name in names) == written
        assert load_model(tmp_path / "weights.safetensors").eyes.see == written


def test_a_camera_may_come_and_go() -> None:
    model = a_seeing_model()
    state = begin(model)
    for beat in range(16):
        picture = np.full((60, 90, 3), 17 * beat, np.uint8) if beat % 7 < 2 else None
        _, state = advance(model, state, Incoming(picture=picture))
    assert torch.isfinite(state.stream.keys).all()
