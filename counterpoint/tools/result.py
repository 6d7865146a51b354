"""What a tool returns or yields, as text that a model reads: bounded, and whole where it is not said otherwise.

It is data from outside; whoever shows it to a model marks and escapes it.
"""

import dataclasses
from typing import Any, cast

import msgspec

from counterpoint.errors import ToolError
from counterpoint.shared_context.notes import Source
from counterpoint.tools.events import PartialResult, Returned

MAX_ITEMS = 1_000
"""Yields of one call; a tool that finds more than this has not searched well enough."""

MAX_SOURCES = 50


class Collected:
    """The yields of one call so far; `full` once no more of them are passed on."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._left = limit
        self._texts: list[str] = []
        self._sources: dict[Source, None] = {}
        self.full = False

    def add(self, item: object) -> PartialResult | None:
        if len(self._texts) == MAX_ITEMS or self._left <= 0:
            self.full = True
            return None
        text, sources = as_text(item), sources_of(item)
        self.full = len(text) > self._left
        shown = f"{text[: self._left]} […]" if self.full else text
        self._left -= len(text) + 1
        self._texts.append(shown)
        self._sources.update(dict.fromkeys(sources[: max(0, MAX_SOURCES - len(self._sources))]))
        return PartialResult(shown, sources)

    def returned(self) -> Returned:
        if not self._texts:
            return Returned("(no results)")
        told = f"\n[cut after {len(self._texts)} results and {self._limit - max(self._left, 0)} characters]"
        return Returned("\n".join(self._texts) + (told if self.full else ""), tuple(self._sources), self.full)


def returned_once(item: object, limit: int) -> Returned:
    """The result of a coroutine."""
    if item is None:
        return Returned("(done, nothing was returned)")
    text, sources = as_text(item), sources_of(item)[:MAX_SOURCES]
    if len(text) <= limit:
        return Returned(text, sources)
    return Returned(f"{text[:limit]} […]\n[cut: {limit} of {len(text)} characters]", sources, cut=True)


def as_text(item: object) -> str:
    """Text as it is; a struct or dataclass with a `__str__` of its own as that says; everything else as JSON.

    In JSON, NaN and infinities become null. Raises `ToolError` for what is neither.
    """
    if isinstance(item, bytes | bytearray):
        raise ToolError(f"the tool returned {len(item)} bytes of binary data, and only text can be read here")
    try:
        if isinstance(item, str):
            return _encodable(item)
        if _speaks_for_itself(item):
            return _encodable(str(item))
        return msgspec.json.encode(item).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolError(f"the tool returned a {type(item).__name__} that cannot be read as text: {error}") from error


def sources_of(item: Any) -> tuple[Source, ...]:
    """Where it was found: the item itself, its attribute or key `source`, or those of the items in a list."""
    if isinstance(item, Source):
        return (item,)
    if isinstance(item, list | tuple):
        members = cast("list[object] | tuple[object, ...]", item)[:MAX_ITEMS]
        return tuple(dict.fromkeys(source for member in members for source in _source_of(member)))
    return _source_of(item)


def _source_of(item: Any) -> tuple[Source, ...]:
    found = cast("dict[str, object]", item).get("source") if isinstance(item, dict) else getattr(item, "source", None)
    return (found,) if isinstance(found, Source) else ()


def _speaks_for_itself(item: object) -> bool:
    record = isinstance(item, msgspec.Struct) or (dataclasses.is_dataclass(item) and not isinstance(item, type))
    return record and type(item).__str__ is not object.__str__


def _encodable(text: str) -> str:
    """Lone surrogates cannot be written to a store."""
    return text.encode("utf-8", "replace").decode("utf-8")
