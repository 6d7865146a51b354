"""The tool that searches the web, by whatever back end it is given."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import msgspec

from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.notes import Delivery
from counterpoint.tools import searxng, tavily
from counterpoint.tools.definition import Tool, tool
from counterpoint.tools.searxng import SearXNG
from counterpoint.tools.tavily import Tavily
from counterpoint.tools.web_hits import Hit, WebSearch

__all__ = ["Hit", "SearXNG", "Tavily", "WebSearch", "web_search"]


def web_search(backend: WebSearch | None = None, *, name: str = "web_search") -> Tool[..., Any]:
    """A tool that searches the web; each hit is a partial result, with its address as its source.

    Without a back end it is SearXNG where SEARXNG_URL is set, or else Tavily where TAVILY_API_KEY is.
    """
    searcher = backend or _from_environment()

    @tool(name=name, delivery=Delivery.SILENT, timeout=20, duplicates="join")
    async def search(
        query: Annotated[str, msgspec.Meta(min_length=1, max_length=400)],
        limit: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5,
    ) -> AsyncGenerator[Hit, None]:
        """Search the web. Returns pages with their title, address and some of their text.

        Args:
            query: What to look for, in words or as a question.
            limit: How many pages to return.
        """
        async with aclosing(searcher.search(query, limit=limit)) as hits:
            async for hit in hits:
                yield hit

    return search


def _from_environment() -> WebSearch:
    if os.environ.get(searxng.VARIABLE):
        return SearXNG()
    if os.environ.get(tavily.VARIABLE):
        return Tavily()
    raise ConfigurationError(
        f"Searching the web needs somebody who does it: set {searxng.VARIABLE} or {tavily.VARIABLE}, or pass a back end"
    )
