"""The README's example: a live agent with a tool of one's own."""

from collections.abc import AsyncGenerator

import anyio

from counterpoint import Runtime, Session, tool


@tool
async def departures(station: str) -> AsyncGenerator[str, None]:
    """Trains that leave a station soon.

    Args:
        station: its name
    """
    yield f"The ten fourteen from {station} leaves from platform three."
    await anyio.sleep(0.5)  # a slow timetable: what was yielded is on its way already
    yield f"The ten forty from {station} leaves from platform one."


async def type_to(session: Session) -> None:
    await anyio.sleep(2)
    session.push("Which trains leave Bath soon?")


async def main(seconds: float = 20) -> str:
    said = ""
    runtime = Runtime("local:smollm2", "local:smollm2", tools=[departures])
    async with runtime.session(greeting="Hello!") as session, anyio.create_task_group() as tasks:
        tasks.start_soon(type_to, session)
        with anyio.move_on_after(seconds):
            async for turn in session:  # five a second
                if turn.text:
                    print(turn.text, end="", flush=True)
                    said += turn.text
        tasks.cancel_scope.cancel()
    return said


if __name__ == "__main__":
    anyio.run(main)
