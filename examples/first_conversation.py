"""The README's example: a live agent with a tool of one's own, offline."""

import anyio

from counterpoint import Runtime, Session, tool

DEPARTURES = """The ten fourteen train to Bath leaves from platform three.
The ten forty train to Bristol leaves from platform one."""


@tool
async def search_timetable(query: str) -> str:
    """Searches today's departures."""
    await anyio.sleep(0.5)  # a slow timetable: the conversation goes on
    lines = [line for line in DEPARTURES.splitlines() if set(query.lower().split()) & set(line.lower().split())]
    return "\n".join(lines)


async def type_to(session: Session) -> None:
    await anyio.sleep(2)
    session.push("When does the train to Bristol leave?")


async def main(seconds: float = 15) -> str:
    said = ""
    runtime = Runtime("local:smollm2", "retrieval", tools=[search_timetable])
    async with runtime.session(greeting="Hello!") as session, anyio.create_task_group() as tasks:
        tasks.start_soon(type_to, session)
        with anyio.move_on_after(seconds):
            async for turn in session:  # five a second
                print(turn.text, end="", flush=True)
                said += turn.text
        tasks.cancel_scope.cancel()
    return said


if __name__ == "__main__":
    anyio.run(main)
