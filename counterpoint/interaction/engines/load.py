"""Interaction models by name: "local:smollm2", "local:FOLDER" (a Hugging Face causal LM that can chat).

Settings may follow: "local:FOLDER?delegate=tags&notes=context".
"""

from urllib.parse import parse_qsl

import msgspec

from counterpoint.engines.load import load_engine
from counterpoint.engines.smollm2 import Progress
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.settings import SMALL_MODEL, Settings
from counterpoint.interaction.model import InteractionModel

KNOWN = "local:smollm2, local:FOLDER"


def load_interaction(name: str, *, progress: Progress = lambda _what, _share: None) -> InteractionModel:
    """Loads the weights: seconds, and the first time longer; where an event loop runs, call it in a worker thread.

    `progress` is told what is being done and how much of it is (0 to 1). Raises `ConfigurationError` for a name or a
    setting that is not known, `MissingWeights`, `MissingExtra`.
    """
    kind, _, rest = name.partition(":")
    which, _, query = rest.partition("?")
    if kind != "local" or not which:
        raise ConfigurationError(f"no interaction model is called {name!r}; known are: {KNOWN}")
    settings = settings_of(query)
    engine = load_engine(which, progress=progress)
    return InstructInteraction(engine, settings, engine.chat)


def settings_of(query: str) -> Settings:
    """The settings of "delegate=tags&words_per_beat=0.6", on top of those for a small model."""
    try:
        given = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        return msgspec.convert({**msgspec.to_builtins(SMALL_MODEL), **given}, Settings, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        known = ", ".join(Settings.__struct_fields__)
        raise ConfigurationError(f"cannot use the settings {query!r}: {error}; known are: {known}") from error
