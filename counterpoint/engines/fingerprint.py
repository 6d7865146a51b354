"""What the outputs of a local model depend on besides its input, in one line: the same line, the same outputs.

Weights are told apart by the sizes and the ends of their files: hashing them whole would take longer than loading.
"""

import platform
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

ENDS: Final = 1 << 16
"""Bytes of a file's beginning and end that are looked at."""

_FILES: Final = ("*.safetensors", "*.bin", "config.json", "tokenizer.json", "generation_config.json")


def fingerprint_of_folder(name: str, folder: Path, settings: dict[str, object]) -> str:
    """`settings`: precision, threads, sampling: whatever else changes a sum or a choice."""
    import torch

    ask: Any = getattr(torch.cpu, "get_capabilities", None)
    hardware = sha256(repr((platform.machine(), sorted(ask().items()) if ask else ())).encode()).hexdigest()[:8]
    given = " ".join(f"{key}={value}" for key, value in sorted(settings.items()))
    return f"{name} {_digest(folder)} torch {version('torch')} cpu {hardware} {given}"


def _digest(folder: Path) -> str:
    files = sorted(path for pattern in _FILES for path in folder.glob(pattern))
    whole = sha256()
    for path in files:
        size = path.stat().st_size
        with path.open("rb") as file:
            whole.update(f"{path.name} {size}\n".encode() + file.read(ENDS))
            file.seek(max(0, size - ENDS))
            whole.update(file.read(ENDS))
    return whole.hexdigest()[:16]
