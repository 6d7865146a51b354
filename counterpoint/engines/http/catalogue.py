"""What a server says of its models (`GET /models`): their names and, if told, their context. Pure."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

SHOWN = 12
"""Names that an error lists."""


class Card(msgspec.Struct, frozen=True):
    """`max_length`: tokens of context; None if the server doesn't say. `owner`: as a rule who wrote the server."""

    name: str
    max_length: int | None = None
    owner: str = ""


def cards_of(body: bytes) -> list[Card] | None:
    """None if it is no list of models."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    rows: Any = cast("dict[str, Any]", found).get("data") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        return None
    models = [cast("dict[str, Any]", row) for row in cast("list[Any]", rows) if isinstance(row, dict)]
    return [Card(row["id"], _length(row), str(row.get("owned_by") or "")) for row in models if _named(row)]


def listed(cards: Sequence[Card]) -> str:
    names = sorted(card.name for card in cards)
    more = f", and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more if names else "none"


def knows_tools(body: bytes) -> bool:
    """What llama.cpp says of its model's template (`GET /props`): where it knows no tools, they are left out without a
    word.
    """
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return True
    told: Any = cast("dict[str, Any]", found).get("chat_template_caps") if isinstance(found, dict) else None
    return not isinstance(told, dict) or cast("dict[str, Any]", told).get("supports_tools") is not False


def _named(row: dict[str, Any]) -> bool:
    return isinstance(row.get("id"), str)


def _length(row: dict[str, Any]) -> int | None:
    """In vLLM and SGLang `max_model_len`, in llama.cpp `meta.n_ctx`, elsewhere `context_length`."""
    meta: Any = row.get("meta")
    places = [row, cast("dict[str, Any]", meta)] if isinstance(meta, dict) else [row]
    names = ("max_model_len", "context_length", "context_window", "n_ctx", "n_ctx_train")
    found = (place.get(name) for name in names for place in places)
    return next((value for value in found if isinstance(value, int) and value > 0), None)
