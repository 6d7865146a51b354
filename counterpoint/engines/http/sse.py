"""Server-sent events, read from bytes as they arrive. It knows nothing of what they say.

WHATWG's rules: lines end with CR, LF or both; `data` lines of an event are joined; an empty line ends it; lines that
begin with a colon are comments. Event names and ids are of no use here.
"""

from typing import Final

LONGEST_LINE: Final = 1_000_000
"""Bytes of a line that is not over yet; a token's event has some 300."""


class EndlessLine(ValueError):
    pass


class EventReader:
    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._first = True

    def feed(self, received: bytes) -> list[str]:
        """The data of the events that are complete now. Raises `EndlessLine`."""
        text = self._rest + received
        held = b"\r" if text.endswith(b"\r") else b""  # a line feed may follow, which belongs to it
        text = text.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = text.split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise EndlessLine
        self._rest = rest + held
        return [event for line in lines if (event := self._line(line)) is not None]

    def finish(self) -> list[str]:
        """The server has hung up: an event whose last line end is missing still counts."""
        events = self.feed(b"\n\n") if self._rest or self._data else []
        self._rest = b""
        return events

    def _line(self, line: bytes) -> str | None:
        text = line.decode("utf-8", "replace")
        if self._first:
            text, self._first = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), False
        if not text:
            data, self._data = self._data, []
            return "\n".join(data) or None
        field, _, value = text.partition(":")
        if field == "data":
            self._data.append(value.removeprefix(" "))
        return None
