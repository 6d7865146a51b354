"""Side by side the native model does what it does over the protocol."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import torch

from counterpoint.evaluation.items import COMES_ALONG, Suite, load_items
from counterpoint.evaluation.living import live
from counterpoint.interaction.engines.native import NativeInteraction
from counterpoint.interaction.nn.checkpoint import load_model
from training.seen_items import made
from training.together import live_together


def test_items_side_by_side_come_out_as_one_by_one() -> None:
    items = [item for item in load_items(COMES_ALONG) if item.suite is Suite.DELEGATION]
    assert any(item.notes for item in items)
    model = load_model()
    together = live_together(model, items, COMES_ALONG)
    alone = NativeInteraction(model)
    for item, lived in zip(items, together, strict=True):
        heard = anyio.run(live, alone, item, COMES_ALONG)
        assert msgspec.structs.replace(heard, sound=None) == lived  # side by side it makes no sound


def test_items_with_pictures_too(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    model = load_model()
    items = [made(Suite.PAUC, "seen kinds", number, tmp_path) for number in range(2)]
    alone = NativeInteraction(model)
    said = [anyio.run(live, alone, item, tmp_path).said for item in items]
    assert any(said)
    assert [lived.said for lived in live_together(model, items, tmp_path)] == said
    torch.nn.init.zeros_(model.eyes.out.weight)
    assert [lived.said for lived in live_together(model, items, tmp_path)] != said
