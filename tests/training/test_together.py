"""Side by side the native model does what it does over the protocol."""

from __future__ import annotations

import anyio
import msgspec

from counterpoint.evaluation.items import COMES_ALONG, Suite, load_items
from counterpoint.evaluation.living import live
from counterpoint.interaction.engines.native import NativeInteraction
from counterpoint.interaction.nn.checkpoint import load_model
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
