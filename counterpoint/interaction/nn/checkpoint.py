"""Weights on disk: half-precision safetensors with a JSON model card beside them, checked by its sha256."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save_file  # pyright: ignore[reportUnknownVariableType]  (untyped there)
from torch import Tensor

from counterpoint.errors import ConfigurationError
from counterpoint.interaction.nn.model import Config, InteractionNet
from counterpoint.interaction.nn.mouth import Mouth, MouthConfig

SHIPPED = Path(__file__).parent / "weights" / "native.safetensors"
"""The weights that come with the package."""

SHIPPED_VOICE = SHIPPED.with_name("voice.safetensors")
"""Those of the mouth, which are trained and shipped on their own."""


class CheckpointError(ConfigurationError):
    """The weights do not fit their model card, or the model."""


def digest(path: Path) -> str:
    """sha256 of the file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file in float32."""
    return {name: tensor.float() for name, tensor in load_file(str(path)).items()}


def save_model(model: InteractionNet | Mouth, path: Path, about: dict[str, Any]) -> None:
    """Writes `path` (float16) and `path` with suffix .json: configuration, checksum and `about` (data, command,
    figures). Eyes that were never trained are left out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    blind = isinstance(model, InteractionNet) and not model.eyes.see
    weights = {name: each for name, each in model.state_dict().items() if not (blind and name.startswith("eyes."))}
    save_file({name: each.detach().to(torch.float16).contiguous() for name, each in weights.items()}, str(path))
    card = {"config": model.config.as_dict(), "sha256": digest(path), "bytes": path.stat().st_size} | about
    path.with_suffix(".json").write_text(json.dumps(card, indent=2) + "\n")


def load_model(path: Path = SHIPPED) -> InteractionNet:
    """The model of a weights file with its card, in evaluation mode. Raises CheckpointError where file, card and
    model do not fit.
    """
    return _load(path, lambda config: InteractionNet(Config(**config)), InteractionNet.take)


def load_mouth(path: Path = SHIPPED_VOICE) -> Mouth:
    """The mouth of a weights file with its card, in evaluation mode. Raises CheckpointError as `load_model` does."""
    return _load(path, lambda config: Mouth(MouthConfig(**config)), Mouth.load_state_dict)


Net = TypeVar("Net", InteractionNet, Mouth)


def _load(path: Path, build: Callable[[dict[str, Any]], Net], take: Callable[[Net, dict[str, Tensor]], object]) -> Net:
    card_file = path.with_suffix(".json")
    try:
        card = json.loads(card_file.read_text())
        model = build(card["config"])
        expected = card["sha256"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{card_file.name} is no model card: {error}") from error
    if not path.is_file() or digest(path) != expected:
        raise CheckpointError(f"{path.name} is not the file that {card_file.name} describes")
    try:
        take(model, load_weights(path))
    except (RuntimeError, ValueError) as error:
        raise CheckpointError(f"{path.name} does not fit the model: {error}") from error
    return model.eval()
