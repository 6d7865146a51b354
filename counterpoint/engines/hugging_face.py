"""Transformers as this room uses it: from local folders only, without progress bars, and untyped, as it comes."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import transformers
from safetensors import torch as safetensors
from transformers import masking_utils
from transformers.integrations import sdpa_attention

hf: Any = transformers
masks: Any = masking_utils
attention: Any = sdpa_attention


def causal_lm(folder: Path, **options: Any) -> Any:
    with _no_progress_bars():
        return hf.AutoModelForCausalLM.from_pretrained(str(folder), local_files_only=True, **options)


def tokenizer(folder: Path, **options: Any) -> Any:
    return hf.AutoTokenizer.from_pretrained(str(folder), local_files_only=True, **options)


def save_weights(weights: dict[str, Any], file: Path) -> None:
    write: Any = safetensors.save_file  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] (partly untyped)
    write(weights, file, metadata={"format": "pt"})


@contextmanager
def _no_progress_bars() -> Generator[None, None, None]:
    """For the whole process while it lasts; put back as it was."""
    logging: Any = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
