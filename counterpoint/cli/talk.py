"""`counterpoint talk`: a live conversation in the terminal; you may type while the agent speaks."""

import sys
from contextlib import aclosing

import anyio

from counterpoint.cli.conversation import shown
from counterpoint.cli.keyboard import keys, unbuffered
from counterpoint.cli.options import Options, report
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import TextChunk

QUIET_SECONDS = 2.0
"""After the input has ended: how long nothing may have happened before the conversation is over."""

FAREWELL_SECONDS = 60.0

_CLEAR_LINE = "\r\x1b[K"


class Prompt:
    """The line being typed, kept below what is printed."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._line = ""

    def write(self, row: str) -> None:
        if self._live:
            sys.stdout.write(f"{_CLEAR_LINE}{row}\n> {self._line}")
        else:
            sys.stdout.write(f"{row}\n")
        sys.stdout.flush()

    def show(self, line: str) -> None:
        self._line = line
        if self._live:
            sys.stdout.write(f"{_CLEAR_LINE}> {line}")
            sys.stdout.flush()

    def leave(self) -> None:
        if self._live:
            sys.stdout.write(_CLEAR_LINE)
            sys.stdout.flush()


async def talk(runtime: Runtime, options: Options) -> None:
    """Until Ctrl-C, or until the input has ended (Ctrl-D) and what was promised is told."""
    report("Type and press Enter; Ctrl-D or Ctrl-C ends the conversation.")
    with unbuffered() as by_key:
        prompt = Prompt(live=by_key and sys.stdout.isatty())
        try:
            async with (
                shown(runtime, prompt.write, options) as (session, narrator),
                aclosing(keys()) as typed,
            ):
                async for key in typed:
                    prompt.show("" if key.done else key.line)
                    if not key.done:
                        session.push(TextChunk("", done=False))
                    elif key.line.strip():
                        session.push(TextChunk(key.line))
                        narrator.typed(session.beat, key.line)
                await _finish(session)
        finally:
            prompt.leave()
    print("\n".join(narrator.summary()))


async def _finish(session: Session) -> None:
    """Wait until it has been quiet for a while, but not for ever."""
    with anyio.move_on_after(FAREWELL_SECONDS):
        quiet = 0.0
        while quiet < QUIET_SECONDS:
            await anyio.sleep(0.2)
            quiet = quiet + 0.2 if session.at_rest else 0.0
