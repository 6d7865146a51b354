"""The command line: one parser per command, and what each makes of its arguments. It starts nothing."""

import argparse
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from counterpoint.background.engines.load import BRIEF
from counterpoint.background.engines.load import KNOWN as BACKGROUND_MODELS
from counterpoint.cli.aloud import aloud
from counterpoint.cli.dead import DeadOptions, dead
from counterpoint.cli.demo import demo, demo_store
from counterpoint.cli.demo_aloud import demo_aloud
from counterpoint.cli.demo_search import NAME as DEMO_SEARCH
from counterpoint.cli.evaluating import add_evaluate
from counterpoint.cli.keeping import add_keeping
from counterpoint.cli.options import Options, setting_up
from counterpoint.cli.sound_card import find as find_sound_card
from counterpoint.cli.store_option import add_store, store_given
from counterpoint.cli.talk import talk
from counterpoint.cli.worker import WorkerOptions, work
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.load import KNOWN as INTERACTION_MODELS
from counterpoint.interaction.engines.load import NATIVE
from counterpoint.interaction.speech.load import EARS, VOICES
from counterpoint.runtime import Runtime

DESCRIPTION = """\
An always-on interaction model that listens while it speaks, and a background model that looks things up meanwhile.
Results are woven into what is being said at a moment that suits what you are doing."""

EPILOG = """\
examples:
  counterpoint talk --docs docs                     talk about a folder of documents
  counterpoint talk --tools my_package.tools:tools  with tools of your own
  counterpoint demo                                 our own model hears a recorded voice and answers aloud
  counterpoint demo --watch                         it watches a film, and counts and tells what it was asked to
  counterpoint demo --interaction local:smollm2     a model that reads: a scripted person types
  counterpoint worker --store redis://localhost --docs docs
  counterpoint talk --store redis://localhost --served
                                                    who talks here, who looks things up in another process"""

READER = "local:smollm2"
"""Who talks where nothing need be heard."""

Conversing = Callable[[Runtime, Options], Awaitable[None]]


class Commands(Protocol):
    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser: ...


def parser() -> argparse.ArgumentParser:
    """What it parses has `start`, an async function of the arguments."""
    whole = argparse.ArgumentParser(
        prog="counterpoint",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    what = "talk with it in this terminal; type while it speaks"
    talking = _conversation(commands, "talk", _talk, what, lambda: "memory://", "memory://")
    who = f"who talks: {INTERACTION_MODELS} (default: {READER})"
    talking.add_argument("--interaction", default=READER, metavar="NAME", help=who)
    talking.add_argument(
        "--audio", action="store_true", help="through this machine's microphone and speaker, until Ctrl-C"
    )
    _aloud(talking, "ask this aloud in place of typing")
    what = "our own model hears a recorded voice and answers aloud; a model that reads gets a typed script"
    store = "embedded://, or memory:// without the extra"
    demonstration = _conversation(commands, "demo", _demo, what, demo_store, store)
    who = (
        f"who talks: {INTERACTION_MODELS} (default: {NATIVE}, which hears and speaks by itself; with --ears and "
        f"--voice {READER})"
    )
    demonstration.add_argument("--interaction", metavar="NAME", help=who)
    demonstration.add_argument(
        "--watch",
        action="store_true",
        help="somebody before a camera asks for what they do to be counted, and for a thing to be told when it appears",
    )
    _aloud(demonstration, "ask this aloud in place of the script")
    _worker(commands)
    _dead(commands)
    add_keeping(commands)
    add_evaluate(commands)
    return whole


def _conversation(
    commands: Commands, name: str, converse: Conversing, what: str, store: Callable[[], str], store_named: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, parents=[_colleague(), _watched()], help=what)
    command.add_argument("--store", metavar="URL", help=f"where the conversation is kept (default: {store_named})")
    command.add_argument(
        "--served",
        action="store_true",
        help="`counterpoint worker` looks things up in other processes; nobody does here, unless --background says so",
    )
    command.add_argument(
        "--queue", default="default", metavar="NAME", help="the workers that are asked (default: %(default)s)"
    )
    command.add_argument(
        "--conversation",
        metavar="ID",
        help="its id; it stays open, and goes on when it is named again (default: a new one)",
    )
    command.add_argument(
        "--record", metavar="FOLDER", help="write down what the interaction model perceives and says, for `replay`"
    )
    command.add_argument("--no-color", action="store_true", help="plain text also on a terminal")

    async def start(arguments: argparse.Namespace) -> None:
        options = _options(arguments, store)
        async with setting_up(options) as runtime:
            await converse(runtime, options)

    command.set_defaults(start=start, command=name)
    return command


def _aloud(command: argparse.ArgumentParser, what: str) -> None:
    """A conversation in sound, and who hears and speaks in it for a model that does neither."""
    command.add_argument("--wav", metavar="FILE", help=what)
    command.add_argument(
        "--answer",
        "--out",
        metavar="FILE",
        help="where what was heard is written, in stereo (default: FILE.answer.wav beside --wav FILE; the demo of our "
        "own model: counterpoint-demo.wav, with --watch counterpoint-watch.wav, and the score as a picture beside it)",
    )
    command.add_argument("--ears", metavar="NAME", help=f"what hears for a model that reads: {EARS}")
    command.add_argument("--voice", metavar="NAME", help=f"what speaks for a model that writes: {VOICES}")


async def _talk(runtime: Runtime, options: Options) -> None:
    await (aloud if options.audio or options.wav is not None else talk)(runtime, options)


async def _demo(runtime: Runtime, options: Options) -> None:
    scripted = demo_aloud if options.interaction == NATIVE or options.watch else demo
    await (scripted if options.wav is None else aloud)(runtime, options)


def _worker(commands: Commands) -> None:
    what = "look things up for conversations in other processes, until SIGTERM"
    command = commands.add_parser("worker", parents=[_colleague(), _watched()], help=what, description=work.__doc__)
    add_store(command, "where the hosts are met: redis://, rediss://, redis+cluster://, unix://")
    command.add_argument(
        "--concurrency", type=int, default=4, metavar="N", help="delegations at once (default: %(default)s)"
    )
    command.add_argument(
        "--queue", action="append", metavar="NAME", help="take work from it; may be given again (default: default)"
    )
    command.add_argument("--name", metavar="NAME", help="in the log; unique among workers (default: a new one)")
    command.add_argument(
        "--drain",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long what was begun may take after SIGTERM, before it is given back (default: %(default)g)",
    )
    command.add_argument(
        "--health", metavar="HOST:PORT", help="answer GET /healthz and /readyz there (default: nowhere)"
    )

    async def start(arguments: argparse.Namespace) -> None:
        await work(_worker_options(arguments))

    command.set_defaults(start=start, service="worker")


def _dead(commands: Commands) -> None:
    what = "list delegations that were given up after too many attempts, or have them tried again"
    command = commands.add_parser("dead", help=what)
    add_store(command, "where they are kept")
    command.add_argument("--queue", default="default", metavar="NAME", help="of which queue (default: %(default)s)")
    command.add_argument(
        "--retry",
        action="append",
        default=[],
        metavar="CONVERSATION/DELEGATION",
        help="queue it again, with its attempts counted anew; may be given again",
    )

    async def start(arguments: argparse.Namespace) -> None:
        await dead(DeadOptions(arguments.store, arguments.queue, tuple(arguments.retry)))

    command.set_defaults(start=start)


def _colleague() -> argparse.ArgumentParser:
    """Who looks things up, and with what."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--background",
        metavar="NAME",
        help=f"who looks things up: {BACKGROUND_MODELS}, or none (default: retrieval, which needs no language model; "
        f"beside {NATIVE} {BRIEF})",
    )
    shared.add_argument(
        "--tools",
        action="append",
        default=[],
        metavar="MODULE:NAME",
        help="a tool, or a list of tools; may be given again",
    )
    shared.add_argument("--docs", metavar="FOLDER", help="a folder of documents that the background model may search")
    return shared


def _watched() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--otel",
        metavar="ENDPOINT",
        help="send traces, events and metrics there by OTLP/HTTP, such as http://localhost:4318 (default: nowhere); "
        "what people say is not among them",
    )
    return shared


def _options(arguments: argparse.Namespace, store: Callable[[], str]) -> Options:
    spoken = {name: getattr(arguments, name, None) for name in ("ears", "voice", "wav", "answer")}
    audio = getattr(arguments, "audio", False)
    interaction = arguments.interaction or (READER if spoken["ears"] or spoken["voice"] else NATIVE)
    watch = getattr(arguments, "watch", False)
    scripted = not audio and spoken["wav"] is None and arguments.command == "demo"
    heard = scripted and (interaction == NATIVE or watch)
    if watch and spoken["wav"] is not None:
        raise ConfigurationError("--watch and --wav exclude each other: a film comes with a voice of its own")
    if audio and spoken["wav"] is not None:
        raise ConfigurationError("--audio and --wav exclude each other: who is to be heard?")
    if spoken["answer"] is not None and spoken["wav"] is None and not heard:
        raise ConfigurationError("--answer goes with --wav FILE, the question that is asked aloud")
    if audio:
        find_sound_card()
    if not audio and spoken["wav"] is None and (spoken["ears"] or spoken["voice"]):
        raise ConfigurationError("--ears and --voice go with --wav FILE, or in `talk` with --audio: who is spoken to?")
    own_documents = bool(arguments.docs or arguments.tools or arguments.served)
    return Options(
        interaction=interaction,
        background=_background(arguments, unless=_looks_up(arguments, interaction)),
        tools=(DEMO_SEARCH,) if heard and not own_documents else tuple(arguments.tools),
        docs=arguments.docs,
        store=arguments.store or store_given() or store(),
        served=arguments.served,
        queue=arguments.queue,
        conversation=arguments.conversation,
        record=arguments.record,
        color=sys.stdout.isatty() and not arguments.no_color,
        audio=audio,
        watch=watch,
        **spoken,
    )


def _looks_up(arguments: argparse.Namespace, interaction: str) -> str:
    """Our own model says few words: what is found is told without anything around it."""
    if arguments.served:
        return "none"
    return BRIEF if interaction == NATIVE else "retrieval"


def _worker_options(arguments: argparse.Namespace) -> WorkerOptions:
    return WorkerOptions(
        store=arguments.store,
        background=_background(arguments, unless="retrieval"),
        tools=tuple(arguments.tools),
        docs=arguments.docs,
        concurrency=arguments.concurrency,
        queues=tuple(arguments.queue or ("default",)),
        name=arguments.name,
        drain=arguments.drain,
        health=arguments.health,
    )


def _background(arguments: argparse.Namespace, *, unless: str) -> str | None:
    name = arguments.background or unless
    return None if name == "none" else name
