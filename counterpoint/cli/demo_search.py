"""The search of `counterpoint demo`: in the documents that come with it, and slow, as one over a network may be."""

from typing import Final

import anyio

from counterpoint.cli.demo_script import DOCUMENTS
from counterpoint.tools.definition import tool
from counterpoint.tools.search import DocumentIndex, Passage

SEARCH_SECONDS: Final = 4.0
"""Else nothing could happen meanwhile."""

NAME: Final = f"{__name__}:search"

_INDEX: Final = DocumentIndex(DOCUMENTS)


@tool(name="search", duplicates="join")
async def search(query: str, k: int = 5) -> list[Passage]:
    """Search the documents. Returns the passages that fit best, each with the file it is from.

    Args:
        query: A question, or the words to look for.
        k: How many passages to return.
    """
    await anyio.sleep(SEARCH_SECONDS)
    await _INDEX.refresh()
    return await _INDEX.search(query, k)
