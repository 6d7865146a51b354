"""The `counterpoint` command: parses, runs, and ends cleanly; our own errors are a sentence, not a traceback."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio

from counterpoint.cli.demo import demo
from counterpoint.cli.options import Options, setting_up
from counterpoint.cli.talk import talk
from counterpoint.errors import CounterpointError, lone_errors

DESCRIPTION = """\
An always-on interaction model that listens while it speaks, and a background model that looks things up meanwhile.
Results are woven into what is being said at a moment that suits what you are doing."""

EPILOG = """\
examples:
  counterpoint talk --docs docs                     talk about a folder of documents
  counterpoint talk --tools my_package.tools:tools  with tools of your own
  counterpoint demo | cat                           watch a scripted person, as plain text"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="counterpoint",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--interaction",
        default="local:smollm2",
        metavar="NAME",
        help="who talks: local:smollm2, local:FOLDER (default: %(default)s)",
    )
    shared.add_argument(
        "--background",
        default="retrieval",
        metavar="NAME",
        help="who looks things up: retrieval (quotes passages, needs no language model), local:smollm2, local:FOLDER, "
        "none (default: %(default)s)",
    )
    shared.add_argument(
        "--tools",
        action="append",
        default=[],
        metavar="MODULE:NAME",
        help="a tool, or a list of tools; may be given again",
    )
    shared.add_argument("--docs", metavar="FOLDER", help="a folder of documents that the background model may search")
    shared.add_argument(
        "--store", default="memory://", metavar="URL", help="where the conversation is kept (default: %(default)s)"
    )
    shared.add_argument("--no-color", action="store_true", help="plain text also on a terminal")
    commands.add_parser("talk", parents=[shared], help="talk with it in this terminal; type while it speaks")
    commands.add_parser(
        "demo", parents=[shared], help="the same, with a bundled script of a person typing in real time"
    )
    return parser


def _options(arguments: argparse.Namespace) -> Options:
    return Options(
        interaction=arguments.interaction,
        background=None if arguments.background == "none" else arguments.background,
        tools=tuple(arguments.tools),
        docs=arguments.docs,
        store=arguments.store,
        color=sys.stdout.isatty() and not arguments.no_color,
    )


async def _run(command: str, options: Options) -> None:
    with lone_errors():
        async with setting_up(options) as runtime:
            await (talk if command == "talk" else demo)(runtime, options)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0, 1 with a sentence on stderr, or 130 after Ctrl-C."""
    arguments = _parser().parse_args(argv)
    sys.path.insert(0, str(Path.cwd()))  # for --tools: modules of the project that the command is called in
    try:
        anyio.run(_run, arguments.command, _options(arguments))
    except CounterpointError as error:
        print(f"counterpoint: {error}", file=sys.stderr)
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
