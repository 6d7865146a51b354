"""counterpoint: the runtime for interaction models.

An interaction model that never stops listening, and a background model that thinks, searches and uses tools meanwhile.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from counterpoint.interaction.microturn import MicroTurn
    from counterpoint.interaction.session import Session
    from counterpoint.runtime import Runtime
    from counterpoint.tools.definition import tool

__all__ = ["MicroTurn", "Runtime", "Session", "tool"]

_HOMES = {
    "MicroTurn": "counterpoint.interaction.microturn",
    "Runtime": "counterpoint.runtime",
    "Session": "counterpoint.interaction.session",
    "tool": "counterpoint.tools.definition",
}


def __getattr__(name: str) -> Any:
    """The four nouns of the first day, imported when they are asked for: a tool's module needs no runtime."""
    if name not in _HOMES:
        raise AttributeError(f"module 'counterpoint' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
