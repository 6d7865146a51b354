"""Two processes: this one talks, a `counterpoint worker` looks things up. They meet in a server, here one of their own.

python examples/two_processes.py
"""

import sys
from contextlib import suppress
from pathlib import Path

import anyio

from counterpoint import Runtime, Session
from counterpoint.interaction.model import InteractionModel
from counterpoint.shared_context.entries import Taken
from counterpoint.shared_context.redis.embedded import EmbeddedServer

DOCS = Path(__file__).parent.parent / "docs"


async def main(interaction: InteractionModel | str = "local:smollm2", seconds: float = 20) -> tuple[str, set[str]]:
    """What was said, and who looked things up."""
    async with EmbeddedServer() as server:  # in a deployment: a Redis or Valkey that both can reach
        worker = ["worker", "--store", server.url, "--docs", str(DOCS), "--name", "the-other-process"]
        print("counterpoint", *worker, file=sys.stderr)
        command = [sys.executable, "-m", "counterpoint.cli.main", *worker]
        async with await anyio.open_process(command, stdout=None, stderr=None) as process:
            try:
                return await _converse(Runtime(interaction, store=server.url, served=True), seconds)
            finally:
                with suppress(ProcessLookupError):  # Ctrl-C has reached it as well
                    process.terminate()  # it ends what it has begun
                with anyio.CancelScope(shield=True):
                    await process.wait()


async def _converse(runtime: Runtime, seconds: float) -> tuple[str, set[str]]:
    async with runtime, runtime.session(greeting="Hello!") as session:
        said = await _listen(session, seconds)
        entries = await runtime.store.read(session.conversation)
    return said, {stored.entry.header.writer for stored in entries if isinstance(stored.entry.body, Taken)}


async def _listen(session: Session, seconds: float) -> str:
    said = ""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_type_to, session)
        with anyio.move_on_after(seconds):
            async for turn in session:
                said += turn.text
                print(turn.text, end="", flush=True)
        tasks.cancel_scope.cancel()
    print()
    return said


async def _type_to(session: Session) -> None:
    await anyio.sleep(3)
    session.push("What is the horizon?")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        anyio.run(main)
