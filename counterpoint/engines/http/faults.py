"""What went wrong with a request, in one sentence, and whether it is worth another try. Pure.

What a server says is data: cut, on one line, and without the key.
"""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from counterpoint.engines.http.deltas import message_of
from counterpoint.errors import EngineError
from counterpoint.shared_context.escaping import one_line, shorten

LONGEST_QUOTE: Final = 400
"""Characters of a server's own words."""

TRIES: Final = 6
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
"""Seconds; a person is waiting, so it does not grow beyond."""

_TEMPORARY: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_SPENT: Final = re.compile(r"(?i)insufficient_quota|exceeded your current quota|billing|credit balance")
_TITLE: Final = re.compile(r"(?is)<title[^>]*>(.*?)</title>")


class ServerFault(EngineError):
    """`temporary`: the same request may succeed a little later. `after`: in how many seconds, if the server says so.

    `status`: of the answer, None where there was none; `said`: its own words.
    """

    def __init__(
        self,
        message: str,
        *,
        temporary: bool = False,
        status: int | None = None,
        after: float | None = None,
        said: str = "",
    ) -> None:
        super().__init__(message)
        self.temporary = temporary
        self.status = status
        self.after = after
        self.said = said


def refused(where: str, status: int, headers: Mapping[str, str], body: bytes, now: float) -> ServerFault:
    """An answer that is none. `now`: seconds since 1970, for a server that says until when to wait."""
    if 300 <= status < 400:
        to = headers.get("location", "").partition("?")[0]
        return ServerFault(f"{where} answers from another address: use {_quoted(to) or 'that'}", status=status)
    said = words_of(body)
    temporary = status in _TEMPORARY and not _SPENT.search(said)
    told = f"{where} answered {status}" + (f": {said}" if said else "")
    return ServerFault(told, temporary=temporary, status=status, after=wait_of(headers, now), said=said)


def words_of(body: bytes) -> str:
    """What an error's body says: its message, the title of a web page, or its beginning."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        text = body.decode("utf-8", "replace")
        if (title := _TITLE.search(text)) is not None:
            return f"a web page, “{_quoted(title.group(1))}”"
        return "a web page" if text.lstrip().lower().startswith(("<!doctype html", "<html")) else _quoted(text)
    return _quoted(message_of(found))


def wait_of(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds, from a number or a date."""
    if (milliseconds := _number(headers.get("retry-after-ms", ""))) is not None:
        return milliseconds / 1000
    told = headers.get("retry-after", "").strip()
    if (seconds := _number(told)) is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def pause_before(tries: int, fault: ServerFault, chance: float) -> float | None:
    """Seconds to wait after so many failed tries; None: give up. `chance`: 0 to 1, so that not all return at once."""
    if not fault.temporary or tries >= TRIES:
        return None
    if fault.after is not None:
        return fault.after + 0.1 * chance
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1)) * (0.5 + 0.5 * chance)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None


def _quoted(text: str) -> str:
    return shorten(" ".join(one_line(text).split()), LONGEST_QUOTE)
