"""Interaction models by name: "local:smollm2", "local:FOLDER" (a Hugging Face causal LM that can chat)."""

from counterpoint.engines.load import load_engine
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.settings import SMALL_MODEL, Settings
from counterpoint.interaction.model import InteractionModel

KNOWN = "local:smollm2, local:FOLDER"


def load_interaction(name: str, settings: Settings = SMALL_MODEL) -> InteractionModel:
    """Loads the weights: seconds, and the first time longer; where an event loop runs, call it in a worker thread.

    Raises `ConfigurationError` for a name that is not known, `MissingWeights` and `MissingExtra` from the engine.
    """
    kind, _, which = name.partition(":")
    if kind != "local" or not which:
        raise ConfigurationError(f"no interaction model is called {name!r}; known are: {KNOWN}")
    return InstructInteraction(load_engine(which), settings)
