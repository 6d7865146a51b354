"""One conversation of a command: listens to the session and to its log, and shows both."""

import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager

import anyio

from counterpoint.cli.lanes import Lanes
from counterpoint.cli.narrator import Narrator
from counterpoint.cli.options import Options, report
from counterpoint.errors import lone_errors
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context import dates
from counterpoint.shared_context.following import following

INSTRUCTIONS = (
    "You are a friendly, brief companion. Answer in one or two short spoken sentences. "
    "If you do not know something, say so in a few words."
)
GREETING = "Hello! Ask me something, or just talk to me."

CLOCKS_SECONDS = 1.0
"""By how much the clocks of workers may be behind."""


@asynccontextmanager
async def shown(
    runtime: Runtime,
    write: Callable[[str], None],
    options: Options,
    *,
    greeting: str = GREETING,
    hear: Callable[[MicroTurn], None] | None = None,
    held: float = 0.0,
) -> AsyncGenerator[tuple[Session, Narrator], None]:
    """A session whose micro-turns are shown until the block is left, the session ends, or Ctrl-C ends both. To show is
    to play, unless somebody is to `hear` them, who tells the session how far that is, and holds `held` seconds.
    """
    lanes = Lanes(write, color=options.color)
    narrator = Narrator(lanes)
    lanes.head()
    with lone_errors():
        async with (
            runtime.session(
                options.conversation,
                instructions=INSTRUCTIONS,
                greeting=greeting,
                buffer=held,
                record=options.record,
            ) as session,
            anyio.create_task_group() as tasks,
        ):
            if options.store.rstrip("/") not in ("memory:", "embedded:"):
                report(f"conversation {session.conversation}: `counterpoint log` shows it, also afterwards")
            tasks.start_soon(_listen, session, narrator, hear, tasks.cancel_scope)
            tasks.start_soon(_follow, runtime, session, narrator)
            tasks.start_soon(_interrupted, tasks.cancel_scope)
            try:
                yield session, narrator
            finally:
                tasks.cancel_scope.cancel()
                narrator.finish()


async def _listen(
    session: Session, narrator: Narrator, hear: Callable[[MicroTurn], None] | None, scope: anyio.CancelScope
) -> None:
    async for turn in session:
        narrator.turn(turn)
        if hear is not None:
            hear(turn)
        elif turn.text or turn.audio:
            session.played(turn)
    scope.cancel()


async def _follow(runtime: Runtime, session: Session, narrator: Narrator) -> None:
    """What an earlier session of the conversation left in the log is not shown again."""
    begun = dates.now()
    async with aclosing(following(runtime.store, session.conversation)) as entries:
        async for stored in entries:
            if stored.entry.header.at >= begun - CLOCKS_SECONDS:
                narrator.entry(stored)


async def _interrupted(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return
