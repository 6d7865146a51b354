"""What a search of the web gives, whoever does the searching."""

from collections.abc import AsyncGenerator
from typing import Protocol

import msgspec

from counterpoint.shared_context.notes import Source


class Hit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page that was found. `snippet`: some of its text. `published`: a date, as and if the engine writes one."""

    title: str
    url: str
    snippet: str = ""
    published: str = ""

    @property
    def source(self) -> Source:
        return Source(self.url, self.title)


class WebSearch(Protocol):
    """Somebody who searches the web."""

    def search(self, query: str, *, limit: int) -> AsyncGenerator[Hit, None]:
        """At most `limit` hits, the best first.

        Raises `ToolError` that says what is wrong, or `ToolUnavailable` if asking again later may help.
        """
        ...
