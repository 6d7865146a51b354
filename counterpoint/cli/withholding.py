"""What people said, asked for and found, taken out of entries: their shape stays, and how long each text was."""

from typing import Any, Final

import msgspec

from counterpoint.shared_context.codec import from_json, to_json
from counterpoint.shared_context.entries import Stored

_TEXTS: Final = frozenset(
    {
        "text", "understood", "unsaid", "request", "arguments", "result", "question", "instructions", "greeting",
        "title", "place",
    }
)  # fmt: skip
_BYTES: Final = frozenset({"raw", "msgpack"})
_REASONED: Final = frozenset(
    {"amended", "withdrawn", "too_late", "settled", "approval_answered", "failed", "paused", "closed"}
)
"""Kinds whose reason may be somebody's words; that of a decision, a drop or an outage never is."""


def withheld(stored: Stored) -> Stored:
    """The entry without what people said."""
    whole: dict[str, Any] = msgspec.json.decode(to_json(stored.entry))
    kind = whole["body"].get("kind")
    whole["body"] = _without(whole["body"], _TEXTS | {"reason"} if kind in _REASONED else _TEXTS)
    return Stored(stored.position, from_json(msgspec.json.encode(whole)), stored.stamp)


def _without(value: Any, keys: frozenset[str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _without(each, keys, str(name)) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] (JSON)
    if isinstance(value, list):
        return [_without(each, keys, key) for each in value]  # pyright: ignore[reportUnknownVariableType] (the same)
    if key in _BYTES:
        return ""
    if key in keys and isinstance(value, str) and value:
        return f"({len(value)} characters)"
    return value
