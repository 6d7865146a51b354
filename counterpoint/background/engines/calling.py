"""Calls in the output of an instruct model, read while it is being written. Pure; fed with sampled text only.

    <call>{"name": "departures", "arguments": {"station": "Ystad"}}</call>

Nothing raises: what cannot be read becomes a call with what was written as its arguments; whoever validates it answers.
"""

import re
from typing import Any, Final, cast

import msgspec

OPENING: Final = "<call>"
CLOSING: Final = "</call>"
LONGEST_CALL: Final = 4_000
"""Characters inside a tag. A model that writes more has forgotten to close it."""

_NAME: Final = re.compile(r'"(?:name|tool)"\s*:\s*"([^"\n]{1,80})"')


class Spoken(msgspec.Struct, frozen=True, tag="spoken"):
    text: str


class Written(msgspec.Struct, frozen=True, tag="written"):
    """A call as it was written. `tool` is empty where no name could be read."""

    tool: str
    arguments: str


class CallReader:
    """Feed it text in pieces of any size; an opening tag may be cut anywhere."""

    def __init__(self) -> None:
        self._text = ""
        self._inside = False

    def feed(self, text: str) -> list[Spoken | Written]:
        self._text += text
        pieces: list[Spoken | Written] = []
        while (piece := self._next()) is not None:
            pieces.append(piece)
        return pieces

    def finish(self) -> list[Spoken | Written]:
        """The model has stopped: an open tag is closed with what there is."""
        text, self._text = self._text, ""
        if self._inside:
            self._inside = False
            return [written(text)]
        return [Spoken(text)] if text else []

    def _next(self) -> Spoken | Written | None:
        if self._inside:
            inner, closed, rest = self._text.partition(CLOSING)
            if not closed and len(inner) <= LONGEST_CALL:
                return None
            self._inside, self._text = False, rest
            return written(inner[:LONGEST_CALL])
        before, opened, rest = self._text.partition(OPENING)
        if opened:
            self._inside, self._text = True, rest
            return Spoken(before) if before else self._next()
        keep = _begun(self._text)
        spoken, self._text = self._text[: len(self._text) - keep], self._text[len(self._text) - keep :]
        return Spoken(spoken) if spoken else None


def written(inner: str) -> Written:
    try:
        read: Any = msgspec.json.decode(inner.strip())
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        read = None
    if isinstance(read, dict):
        fields = cast("dict[str, Any]", read)
        name, arguments = fields.get("name") or fields.get("tool"), fields.get("arguments", {})
        if isinstance(name, str):
            return Written(name, arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode())
    named = _NAME.search(inner)
    return Written(named.group(1) if named else "", inner.strip())


def _begun(text: str) -> int:
    """How many characters at the end may be the beginning of an opening tag."""
    sizes = range(min(len(OPENING) - 1, len(text)), 0, -1)
    return next((size for size in sizes if OPENING.startswith(text[-size:])), 0)
