"""Web search by a SearXNG instance of one's own: `GET /search?q=...&format=json`.

The instance must allow the format (`search: formats: [html, json]` in its settings.yml); public ones do not.
"""

import os
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import msgspec

from counterpoint.errors import ConfigurationError, ToolUnavailable
from counterpoint.tools.web_answer import HEADERS, SECONDS, ask, of_shape, read_answer
from counterpoint.tools.web_hits import Hit

VARIABLE = "SEARXNG_URL"

_ADVICE = {
    401: "it wants a login; put one into its address, http://user:password@host",
    403: "it does not give its answers as JSON; add json to search.formats in its settings.yml",
    404: "there is no SearXNG at this address; give the address of its start page",
    429: "it takes this for a robot; set server.limiter to false in its settings.yml, or ask less often",
}


class _Result(msgspec.Struct):
    url: str
    title: str | None = None
    content: str | None = None
    publishedDate: str | None = None  # noqa: N815 (its name on the wire)


class _Answer(msgspec.Struct):
    results: list[Any]
    unresponsive_engines: list[Any] = []


class SearXNG:
    """`url`: of its start page; from SEARXNG_URL if not given. `language`: such as "en"; else the instance's own."""

    def __init__(self, url: str | None = None, *, language: str = "", seconds: float = SECONDS) -> None:
        given = url or os.environ.get(VARIABLE, "")
        try:
            self._url = httpx.URL(given.rstrip("/") + "/search")
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"The address of SearXNG is none ({error}): give http(s)://host") from error
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise ConfigurationError(f"SearXNG needs an address, http(s)://host: pass url= or set {VARIABLE}")
        self._language = language
        self._seconds = seconds

    async def search(self, query: str, *, limit: int) -> AsyncGenerator[Hit, None]:
        parameters = {"q": query, "format": "json"} | ({"language": self._language} if self._language else {})
        request = httpx.Request("GET", self._url.copy_merge_params(parameters), headers=HEADERS)
        body = await ask("SearXNG", request, _ADVICE, seconds=self._seconds)
        for hit in _hits(body)[:limit]:
            yield hit


def _hits(body: bytes) -> list[Hit]:
    answer = read_answer("SearXNG", body, _Answer)
    pages = [page for page in of_shape(answer.results, _Result) if page.url.startswith(("http://", "https://"))]
    if not pages and answer.unresponsive_engines:
        silent = ", ".join(_engine(engine) for engine in answer.unresponsive_engines[:10])
        raise ToolUnavailable(f"None of the engines behind SearXNG answered: {silent}.")
    return [Hit(page.title or page.url, page.url, page.content or "", page.publishedDate or "") for page in pages]


def _engine(engine: object) -> str:
    """A pair of its name and what happened to it."""
    match engine:
        case [str(name), str(reason)]:
            return f"{name} ({reason})"
        case _:
            return str(engine)
