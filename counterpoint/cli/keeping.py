"""The command line of what is kept: parsers of the commands that read, replay, export, import and forget. It starts
nothing.
"""

import argparse
import sys
from typing import Any, Protocol

from counterpoint.cli.export import ExportOptions, ImportOptions, export_to_file, import_from_file
from counterpoint.cli.forget import ForgetOptions, forget
from counterpoint.cli.log import LogOptions, log
from counterpoint.cli.replay import ReplayOptions, replay
from counterpoint.cli.store_option import add_store


class Commands(Protocol):
    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser: ...


def add_keeping(commands: Commands) -> None:
    _log(commands)
    _replay(commands)
    _export(commands)
    _import(commands)
    _forget(commands)


def _log(commands: Commands) -> None:
    what = "print the score of a conversation: who said what when, what was looked up, and why notes waited"
    command = commands.add_parser("log", help=what, description=log.__doc__)
    _conversation(command)
    command.add_argument("--follow", action="store_true", help="go on until it is closed, or Ctrl-C")
    command.add_argument("--json", action="store_true", help="one JSON object per entry and line")
    command.add_argument("--since", type=int, metavar="BEAT", help="from this beat on (five a second)")
    command.add_argument("--until", type=int, metavar="BEAT", help="up to this beat")
    command.add_argument("--no-text", action="store_true", help="without what people said, asked for and were told")
    command.add_argument("--no-color", action="store_true", help="plain text also on a terminal")

    async def start(arguments: argparse.Namespace) -> None:
        await log(
            LogOptions(
                arguments.conversation,
                arguments.store,
                follow=arguments.follow,
                json=arguments.json,
                since=arguments.since,
                until=arguments.until,
                text=not arguments.no_text,
                color=sys.stdout.isatty() and not arguments.no_color,
            )
        )

    command.set_defaults(start=start)


def _replay(commands: Commands) -> None:
    what = "make the decisions of a conversation again, from its log, and say whether they are the same"
    command = commands.add_parser("replay", help=what, description=replay.__doc__)
    command.add_argument(
        "what",
        metavar="FILE-OR-ID",
        help="an export; with --store, a conversation; with --interaction, a recording or a folder of them",
    )
    command.add_argument("--store", metavar="URL", help="where the conversation is kept")
    command.add_argument("--until", type=int, metavar="BEAT", help="up to this beat")
    command.add_argument(
        "--policy", metavar="MODULE:NAME", help="the weaving policy that decides (default: the one that did)"
    )

    command.add_argument(
        "--interaction", metavar="NAME", help="run this model again over a recording, not the decisions"
    )

    async def start(arguments: argparse.Namespace) -> None:
        given = arguments
        await replay(ReplayOptions(given.what, given.store, given.until, given.policy, given.interaction))

    command.set_defaults(start=start)


def _export(commands: Commands) -> None:
    what = "write one conversation into a file"
    command = commands.add_parser("export", help=what, description=export_to_file.__doc__)
    _conversation(command)
    command.add_argument("file", metavar="FILE", help="it must not be there yet")
    command.add_argument("--media", action="store_true", help="with the sounds and pictures that are still kept")

    async def start(arguments: argparse.Namespace) -> None:
        await export_to_file(ExportOptions(arguments.conversation, arguments.store, arguments.file, arguments.media))

    command.set_defaults(start=start)


def _import(commands: Commands) -> None:
    what = "make an exported conversation one of a store"
    command = commands.add_parser("import", help=what)
    command.add_argument("file", metavar="FILE", help="as `counterpoint export` wrote it")
    add_store(command, "where it shall be kept")
    command.add_argument("--as", dest="name", metavar="NEW-ID", help="under another id than it had")

    async def start(arguments: argparse.Namespace) -> None:
        await import_from_file(ImportOptions(arguments.file, arguments.store, arguments.name))

    command.set_defaults(start=start)


def _forget(commands: Commands) -> None:
    what = "remove everything of one conversation for good"
    command = commands.add_parser("forget", help=what)
    _conversation(command)
    command.add_argument("--yes", action="store_true", help="don't ask")

    async def start(arguments: argparse.Namespace) -> None:
        await forget(ForgetOptions(arguments.conversation, arguments.store, yes=arguments.yes))

    command.set_defaults(start=start)


def _conversation(command: argparse.ArgumentParser) -> None:
    command.add_argument("conversation", metavar="CONVERSATION", help="its id")
    add_store(command, "where it is kept")
