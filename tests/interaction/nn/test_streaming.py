"""Beat by beat is the same as all at once, whatever was evicted meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from counterpoint.interaction.nn.layers import rotation
from counterpoint.interaction.nn.model import Batch, Config, InteractionNet, latest_words, words_before
from counterpoint.interaction.nn.streaming import Notes, open_state, step

SMALL = Config(width=32, layers=2, heads=4, inner=48, bands=16, window=6, pinned=20, sinks=2, deepening=1, trail=3)
MIXED = replace(SMALL, experts=8, chosen=2, shared=16)


def a_model(seed: int = 0, config: Config = SMALL) -> InteractionNet:
    torch.manual_seed(seed)
    model = InteractionNet(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model


def streams(count: int, beats: int, notes: bool = True) -> Batch:
    made = torch.Generator().manual_seed(1)

    def rare() -> object:
        return torch.randint(50, 300, (count, beats), generator=made) * (
            torch.rand(count, beats, generator=made) < 0.25
        )

    said = rare()
    said[:, 0] = 0
    places = 6 if notes else 1
    note_beats = torch.full((count, places), -1)
    if notes:
        note_beats[0] = torch.tensor([3, 3, 9, 9, 9, -1])
    return Batch(
        levels=torch.randint(0, 16, (count, beats * 8, 80), generator=made, dtype=torch.uint8),
        hears=torch.ones(count, dtype=torch.bool),
        understood=rare(),
        said=said,
        note_tokens=torch.randint(50, 300, (count, places), generator=made),
        note_beats=note_beats,
        note_sources=torch.zeros(count, places, dtype=torch.int64),
        clock=torch.arange(beats).expand(count, -1),
    )


def notes_at(batch: Batch, beat: int) -> Notes | None:
    here = batch.note_beats == beat
    if not here.any():
        return None
    width = int(here.sum(1).max())
    order = (~here).to(torch.int64).argsort(dim=1, stable=True)[:, :width]
    return Notes(batch.note_tokens.gather(1, order), batch.note_sources.gather(1, order), here.gather(1, order))


@pytest.mark.parametrize("config", [SMALL, MIXED], ids=["dense", "mixture"])
@pytest.mark.parametrize("capacity", [8, 64, 512])
def test_streaming_equals_the_batch_pass_with_eviction_and_notes(capacity: int, config: Config) -> None:
    model, batch = a_model(config=config), streams(2, 40)
    understood, said = (logits.detach() for logits in model(batch))  # with gradients: as it is trained
    state = open_state(model, streams=2, capacity=capacity)
    for beat in range(40):
        state = replace(state, said=batch.said[:, beat])
        levels = batch.levels[:, beat * 8 : beat * 8 + 8]
        found, state = step(model, state, levels, notes=notes_at(batch, beat), typed=batch.understood[:, beat])
        torch.testing.assert_close(found.understood_logits, understood[:, beat], atol=2e-4, rtol=2e-4)
        torch.testing.assert_close(found.said_logits, said[:, beat], atol=2e-4, rtol=2e-4)


def test_a_leap_over_silence_that_is_forgotten_changes_nothing() -> None:
    model, batch = a_model(), streams(1, 60, notes=False)
    quiet = slice(20, 50)  # longer than the window
    for part in (batch.understood, batch.said):
        part[:, quiet] = 0
    batch = replace(batch, hears=torch.zeros(1, dtype=torch.bool))
    state = open_state(model)
    for beat in range(60):
        found, state = step(model, replace(state, said=batch.said[:, beat]), None, typed=batch.understood[:, beat])
    keep = torch.tensor([*range(20), *range(40, 60)])  # of the silence, what the last beats' window still holds
    leapt = replace(
        batch,
        **{name: getattr(batch, name)[:, keep] for name in ("understood", "said", "clock", "seen")},
        levels=batch.levels[:, : 40 * 8],
    )
    with torch.no_grad():
        _, said = model(leapt)
    torch.testing.assert_close(found.said_logits, said[:, -1], atol=2e-3, rtol=2e-3)


def test_memory_stays_bounded_over_a_long_conversation() -> None:
    model = a_model()
    state = open_state(model, capacity=32)
    sizes = set()
    for beat in range(400):
        _, state = step(model, state, None, typed=torch.tensor([60 if beat % 4 == 0 else 0]))
        if beat > 100:
            sizes.add(len(state.beats))
    assert sizes in ({64}, {128}), sizes


def test_a_pinned_word_is_seen_beyond_the_window_and_forgotten_beyond_the_pinned_span() -> None:
    model = a_model()

    def last_logits(word: int, beats: int) -> object:
        state = open_state(model)
        for beat in range(beats):
            typed = torch.tensor([word if beat == 4 else 0])
            found, state = step(model, replace(state, said=torch.tensor([0])), None, typed=typed)
        return found.said_logits

    assert not torch.equal(last_logits(60, 18), last_logits(61, 18))
    # two layers of a window of 6 carry it no further than 2 * 6 beats past the last direct sight
    torch.testing.assert_close(last_logits(60, 4 + 20 + 14), last_logits(61, 4 + 20 + 14))


def test_a_quarter_of_each_head_is_the_same_at_any_age_and_the_rest_tells_the_beats_apart() -> None:
    cosines, sines = rotation(torch.tensor([[0, 1, 9000]]), 32, 1000.0, 0.25)
    assert torch.equal(cosines[..., 12:], torch.ones(1, 1, 3, 4))
    assert torch.equal(sines[..., 12:], torch.zeros(1, 1, 3, 4))
    assert (sines[0, 0, 1, :12] != 0).all()
    assert (sines[0, 0, 1:, :12].diff(dim=0) != 0).all()


def test_rotary_positions_are_relative() -> None:
    model, batch = a_model(), streams(2, 12)
    with torch.no_grad():
        here, there = model(batch), model(replace(batch, clock=batch.clock + 500))
    torch.testing.assert_close(here[1], there[1], atol=2e-3, rtol=2e-3)


def test_a_later_frame_never_changes_an_earlier_beat() -> None:
    model, batch = a_model(), streams(2, 12, notes=False)
    changed = batch.levels.clone()
    changed[:, 8 * 8 :] = 0
    with torch.no_grad():
        before, after = model(batch), model(replace(batch, levels=changed))
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one[:, :8], other[:, :8])
        assert not torch.allclose(one[:, 8:], other[:, 8:])


def test_the_words_before_a_word_skip_the_silence_between_them() -> None:
    line = torch.tensor([[0, 51, 0, 52, 0, 0, 53, 0]])
    assert words_before(line, 2).tolist() == [
        [[0, 0], [0, 0], [51, 0], [51, 0], [52, 51], [52, 51], [52, 51], [53, 52]]
    ]


def test_the_last_words_said_stay_known_through_the_silence_after_them() -> None:
    line = torch.tensor([[0, 51, 0, 52, 0]])
    assert latest_words(line, 2).tolist() == [[[0, 0], [51, 0], [51, 0], [52, 51], [52, 51]]]


def test_parts_that_were_added_later_change_nothing_until_they_are_trained() -> None:
    torch.manual_seed(0)
    grown, batch = InteractionNet(SMALL).eval(), streams(2, 12)
    first = InteractionNet(replace(SMALL, deepening=0, trail=1)).eval()
    before = {name: value for name, value in grown.state_dict().items() if not name.startswith(grown.ADDED)}
    first.take(before)
    with torch.no_grad():
        for one, other in zip(grown(batch), first(batch), strict=True):
            torch.testing.assert_close(one, other)
    grown.take(before)
    with pytest.raises(RuntimeError, match="words"):
        grown.take({name: value for name, value in before.items() if name != "words"})
