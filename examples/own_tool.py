"""Two tools of a team's own: one that streams what it finds, and one that changes something and asks first.

counterpoint talk --tools examples.own_tool:tools
"""

from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec

from counterpoint.errors import ToolError
from counterpoint.shared_context.notes import Source
from counterpoint.tools import ToolContext, tool

TIMETABLE = {
    "Malmö": (("09:44", "Ystad", 3), ("10:14", "Ystad", 3), ("10:26", "Lund", 1), ("11:14", "Ystad", 4)),
    "Lund": (("09:58", "Malmö", 2), ("10:28", "Malmö", 2)),
}


class Departure(msgspec.Struct, frozen=True):
    """`__str__` is how it reads when it is passed on; without one it would be JSON."""

    time: str
    to: str
    platform: int

    @property
    def source(self) -> Source:
        return Source("timetable", "Timetable of the day")

    def __str__(self) -> str:
        return f"{self.time} to {self.to}, platform {self.platform}"


@tool(timeout=5)
async def departures(
    station: str, after: Annotated[str, msgspec.Meta(pattern=r"^\d\d:\d\d$")] = "00:00"
) -> AsyncGenerator[Departure, None]:
    """Trains that leave a station after a time of day.

    Args:
        station: The station's name.
        after: A time such as 10:00.
    """
    if station not in TIMETABLE:
        raise ToolError(f"There is no station called {station}. There are: {', '.join(TIMETABLE)}.")
    for time, to, platform in TIMETABLE[station]:
        if time >= after:
            yield Departure(time, to, platform)


class Customer(msgspec.Struct):
    """What this application knows of whoever is speaking; `seats` by idempotency key."""

    name: str
    seats: dict[str, str] = {}


@tool(effects="write", idempotent=True, approval="always")
async def reserve_seat(train: str, seat: str, context: ToolContext[Customer]) -> str:
    """Reserve a seat in a train for the person who is speaking.

    Args:
        train: When it leaves, such as 10:14.
        seat: A row and a letter, such as 12A.
        context: Filled in by the runtime; the model does not see it.
    """
    context.progress(f"Reserving seat {seat}")
    reserved = context.state.seats.setdefault(context.idempotency_key, f"{train} {seat}")
    return f"Reserved for {context.state.name}: {reserved}"


tools = [departures, reserve_seat]
