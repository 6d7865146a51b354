"""Weights come back as they were saved, and nothing else is taken for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from counterpoint.interaction.nn.checkpoint import CheckpointError, load_model, save_model
from counterpoint.interaction.nn.model import Config, InteractionNet

SMALL = Config(width=32, layers=1, heads=4, inner=48, bands=8)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "native.safetensors"
    save_model(InteractionNet(SMALL), path, {"seed": 0})
    return path


def test_a_model_comes_back_in_half_precision(saved: Path) -> None:
    torch.manual_seed(0)
    original, loaded = InteractionNet(SMALL), load_model(saved)
    assert loaded.config == SMALL
    torch.testing.assert_close(loaded.words, original.words, atol=1e-3, rtol=1e-3)


def test_a_changed_file_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-4] + b"oops")
    with pytest.raises(CheckpointError, match=r"not the file that native\.json describes"):
        load_model(saved)


def test_a_card_of_another_model_is_refused(saved: Path) -> None:
    card = json.loads(saved.with_suffix(".json").read_text())
    card["config"]["width"] = 64
    saved.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match="does not fit the model"):
        load_model(saved)


def test_a_missing_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="is no model card"):
        load_model(tmp_path / "native.safetensors")
