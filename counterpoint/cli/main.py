"""The `counterpoint` command: runs, and ends cleanly; our own errors are a sentence, not a traceback."""

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

import anyio

from counterpoint.cli.otel import exporting
from counterpoint.cli.parsing import parser
from counterpoint.errors import CounterpointError, lone_errors
from counterpoint.shared_context.escaping import shown


async def _run(arguments: argparse.Namespace) -> None:
    with lone_errors():
        await arguments.start(arguments)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 with a sentence on stderr, or 130 after Ctrl-C."""
    arguments = parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a character that this terminal lacks ends no conversation
            stream.reconfigure(errors="replace")
    sys.path.insert(0, str(Path.cwd()))  # for --tools: modules of the project that the command is called in
    try:
        with exporting(getattr(arguments, "otel", None), f"counterpoint-{getattr(arguments, 'service', 'host')}"):
            anyio.run(_run, arguments)
    except CounterpointError as error:
        print(f"counterpoint: {shown(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
