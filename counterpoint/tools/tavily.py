"""Web search by Tavily, a hosted service: `POST /search` with a key."""

import os
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec

from counterpoint.errors import ConfigurationError
from counterpoint.tools.web_answer import HEADERS, SECONDS, ask, of_shape, read_answer
from counterpoint.tools.web_hits import Hit

VARIABLE = "TAVILY_API_KEY"

MOST = 20
"""Hits that Tavily gives for one query."""

_ADVICE = {
    400: "it does not take this query; make it a plain question of up to 400 characters",
    401: f"the key is missing or wrong; check {VARIABLE}",
    403: "the key may not be used for this; check its plan",
    429: "too many queries in a minute; wait a little",
    432: "the plan's quota is used up; wait for the next month or change the plan",
    433: "the pay-as-you-go limit is reached; raise it in Tavily's dashboard",
}


class _Result(msgspec.Struct):
    url: str
    title: str | None = None
    content: str | None = None
    published_date: str | None = None


class _Answer(msgspec.Struct):
    results: list[Any]


class Tavily:
    """`key`: from TAVILY_API_KEY if not given; it is sent in a header and appears in no error."""

    def __init__(
        self, key: str | None = None, *, url: str = "https://api.tavily.com", seconds: float = SECONDS
    ) -> None:
        self._key = key or os.environ.get(VARIABLE, "")
        if not self._key:
            raise ConfigurationError(f"Tavily needs a key: pass key= or set {VARIABLE}")
        if not self._key.isascii() or not self._key.isprintable() or " " in self._key:
            raise ConfigurationError("Tavily's key has characters that no key has: copy it again")
        self._url = url.rstrip("/") + "/search"
        self._seconds = seconds

    async def search(self, query: str, *, limit: int) -> AsyncGenerator[Hit, None]:
        wanted = {"query": query, "max_results": min(limit, MOST), "search_depth": "basic"}
        request = httpx.Request(
            "POST", self._url, json=wanted, headers=HEADERS | {"Authorization": f"Bearer {self._key}"}
        )
        body = await ask("Tavily", request, _ADVICE, seconds=self._seconds)
        for hit in _hits(body)[:limit]:
            yield hit


def _hits(body: bytes) -> list[Hit]:
    pages = of_shape(read_answer("Tavily", body, _Answer).results, _Result)
    return [Hit(page.title or page.url, page.url, page.content or "", page.published_date or "") for page in pages]
