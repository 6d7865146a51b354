"""Background models by name: "retrieval", "local:smollm2", "local:FOLDER"."""

from counterpoint.background.engines.retrieval import RetrievalBackground
from counterpoint.background.model import BackgroundModel
from counterpoint.errors import ConfigurationError

KNOWN = "retrieval, local:smollm2, local:FOLDER"


def load_background(name: str) -> BackgroundModel:
    """Loading a local model blocks for seconds; where an event loop runs, call it in a worker thread.

    Raises `ConfigurationError` for a name that is not known, `MissingWeights` and `MissingExtra` from the engine.
    """
    kind, _, which = name.partition(":")
    if name == "retrieval":
        return RetrievalBackground()
    if kind != "local" or not which:
        raise ConfigurationError(f"no background model is called {name!r}; known are: {KNOWN}")
    from counterpoint.background.engines.local import LocalBackground  # noqa: PLC0415 (only where one is asked for)
    from counterpoint.engines.load import load_engine  # noqa: PLC0415

    return LocalBackground(load_engine(which))
