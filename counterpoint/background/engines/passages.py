"""What a search tool returned, read as passages: whoever wrote the tool, and whatever it calls its fields. Pure.

It is data from outside: nothing in it can do more than be quoted.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec

from counterpoint.shared_context.notes import Source

_TEXTS: Final = ("text", "snippet", "content", "passage", "body")
_TITLES: Final = ("title", "heading", "name")
_PLACES: Final = ("url", "path", "link", "source", "file")
_NO_JSON: Final = object()
_LISTS: Final = ("results", "passages", "hits", "items", "documents")


class FoundPassage(msgspec.Struct, frozen=True):
    """`title`: of what it stands in, as one would say it; `heading`: of the part."""

    text: str
    source: Source
    heading: str = ""

    @property
    def title(self) -> str:
        return self.source.title or _spoken_place(self.source.place)


def passages_of(result: str) -> list[FoundPassage]:
    """In the order in which they were found. JSON (a list, or an object a line) by its fields; other text as it is."""
    whole = _decoded(result)
    if whole is not _NO_JSON:
        return list(_passages(whole))
    found: list[FoundPassage] = []
    prose: list[str] = []
    for line in result.splitlines():
        value = _decoded(line)
        if isinstance(value, dict | list):
            found += _passages(value)
        elif value is _NO_JSON and not (line.startswith(("(", "[")) and line.endswith((")", "]"))):
            prose.append(line)
    text = "\n".join(prose).strip()
    return [*found, FoundPassage(text, Source(""))] if text and not found else found


def sources_of(passages: Sequence[FoundPassage]) -> tuple[Source, ...]:
    """Where they stand, each place once."""
    return tuple(dict.fromkeys(passage.source for passage in passages if passage.source.place))


def _passages(value: Any) -> Iterator[FoundPassage]:
    if isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _passages(item)
    elif isinstance(value, str):
        yield FoundPassage(value, Source(""))
    elif isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if text := _first(fields, _TEXTS):
            yield FoundPassage(text, _source(fields), _first(fields, ("heading",)))
        for name in _LISTS:
            if isinstance(fields.get(name), list):
                yield from _passages(fields[name])


def _source(fields: dict[str, Any]) -> Source:
    given = fields.get("source")
    if isinstance(given, dict):
        inner = cast("dict[str, Any]", given)
        return Source(_first(inner, ("place", *_PLACES)), _first(inner, _TITLES))
    return Source(_first(fields, _PLACES), _first(fields, _TITLES))


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := fields.get(name), str) and value.strip()), "")


def _decoded(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _NO_JSON


def _spoken_place(place: str) -> str:
    """An address by its host, a file by its name without ending."""
    try:
        host = urlsplit(place).hostname
    except ValueError:
        host = None
    if host:
        return host.removeprefix("www.")
    return " ".join(PurePosixPath(place.replace("\\", "/")).stem.replace("_", " ").replace("-", " ").split())
