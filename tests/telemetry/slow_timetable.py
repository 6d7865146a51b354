"""A tool for workers in processes of their own: slow enough to be killed in the middle of it."""

import anyio

from counterpoint import tool


@tool
async def search_timetable(query: str) -> str:
    """Searches today's departures."""
    await anyio.sleep(1.5)
    return "The ten fourteen train to Bath leaves from platform three."
