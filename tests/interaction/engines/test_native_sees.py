"""The native model is given pictures if its weights see, and says so; items with pictures are lived through by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.items import Suite
from counterpoint.evaluation.living import lacks, live
from counterpoint.evaluation.report import result_of
from counterpoint.interaction.engines.native import NativeInteraction, NativeStream
from counterpoint.interaction.model import Modality, Perceived, Span, Start
from counterpoint.interaction.nn.checkpoint import load_model
from counterpoint.interaction.nn.model import InteractionNet
from counterpoint.shared_context.chunks import VideoChunk
from counterpoint.shared_context.ids import Beat, ConversationId, SessionId
from training.seen_items import made


@pytest.fixture(scope="module")
def seeing() -> InteractionNet:
    """The shipped weights with eyes that nobody has trained."""
    torch.manual_seed(0)
    model = load_model()
    torch.nn.init.normal_(model.eyes.out.weight, std=0.05)
    return model


def frame(value: int, number: int, width: int = 64, height: int = 48) -> VideoChunk:
    return VideoChunk(bytes([value]) * (width * height * 3), width, height, number, number / 5)


async def light_of_last(model: NativeInteraction, frames: tuple[VideoChunk, ...], beats: int) -> float:
    """How light the last picture was that it saw, 0 to 255, after a span of so many beats."""
    stream = await model.open(Start(ConversationId("c"), SessionId("s")))
    assert isinstance(stream, NativeStream)
    await stream.step(Perceived(frames=frames), (), Span(Beat(0), beats))
    sight = stream._living._state.stream.sight
    await stream.aclose()
    return float(sight.last.mean()) + 128 if sight.ever.all() else -1.0


def test_it_says_that_it_sees_only_if_its_weights_do(seeing: InteractionNet) -> None:
    blind = InteractionNet(seeing.config).eval()
    assert Modality.VIDEO in NativeInteraction(seeing).capabilities.perceives
    assert Modality.VIDEO not in NativeInteraction(blind).capabilities.perceives


async def test_of_a_beat_it_sees_the_latest_picture_and_a_late_host_gives_each_beat_its_own(
    seeing: InteractionNet,
) -> None:
    model = NativeInteraction(seeing)
    two = (frame(40, 0), frame(200, 1))
    assert await light_of_last(model, (), 1) == -1
    assert await light_of_last(model, two, 1) == pytest.approx(200, abs=1)
    assert await light_of_last(model, two, 2) == pytest.approx(200, abs=1)
    assert await light_of_last(model, two[:1], 2) == pytest.approx(40, abs=1)
    model.close()


async def test_items_with_pictures_are_lived_through_and_scored(seeing: InteractionNet, tmp_path: Path) -> None:
    item = made(Suite.REPCOUNT, "unseen views", 0, tmp_path)
    model = NativeInteraction(seeing)
    assert not lacks(model.capabilities, item)
    lived = await live(model, item, tmp_path)
    result = result_of(item, lived)
    assert 0 <= result.scored.score <= 1
    assert result.baselines["oracle"] == 1
    assert result.baselines["silent"] == 0
    model.close()


async def test_who_does_not_see_is_given_no_items_with_pictures(seeing: InteractionNet, tmp_path: Path) -> None:
    item = made(Suite.PAUC, "seen kinds", 0, tmp_path)
    blind = NativeInteraction(InteractionNet(seeing.config).eval())
    with pytest.raises(ConfigurationError, match="does not see"):
        await live(blind, item, tmp_path)
    blind.close()


async def test_pictures_change_what_it_makes_of_the_same_words(seeing: InteractionNet, tmp_path: Path) -> None:
    model = NativeInteraction(seeing)
    hidden = []
    for value in (10, 240):
        stream = await model.open(Start(ConversationId("c"), SessionId("s")))
        assert isinstance(stream, NativeStream)
        for beat in range(3):
            await stream.step(Perceived(frames=(frame(value * (beat + 1) % 256, beat),)), (), Span(Beat(beat)))
        hidden.append(stream._living._state.stream.keys.clone().numpy())
    assert not np.allclose(*hidden)
    model.close()
