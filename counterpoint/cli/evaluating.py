"""The parser of `counterpoint evaluate`. What it starts needs an extra, and is loaded then."""

import argparse
from pathlib import Path
from typing import Any, Protocol

from counterpoint.errors import MissingExtra
from counterpoint.evaluation.items import COMES_ALONG


class Commands(Protocol):
    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser: ...


def add_evaluate(commands: Commands) -> None:
    what = "score an interaction model: what it hears, when it answers, what it hands over"
    command = commands.add_parser("evaluate", help=what)
    command.add_argument(
        "--model", default="native", metavar="NAME", help="an interaction model by name (default: %(default)s)"
    )
    command.add_argument(
        "--suite",
        default="all",
        metavar="NAMES",
        help="words, cuespeak, timespeak, repcount, startstop, pauc, duplex, delegation; several with commas "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--items",
        type=Path,
        default=COMES_ALONG,
        metavar="FOLDER",
        help="items made elsewhere, as docs/evaluation.md describes them (default: thirty that come along)",
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write scores and intervals there")
    command.add_argument("--picture", type=Path, metavar="FILE", help="draw them there, as SVG")
    command.add_argument(
        "--sounds", type=Path, metavar="FOLDER", help="keep thirty conversations there: person left, model right"
    )
    command.add_argument("--most", type=int, metavar="N", help="at most so many items of each suite and split")
    command.add_argument("--jobs", type=int, default=1, metavar="N", help="processes, each with the model of its own")
    command.add_argument(
        "--judge",
        choices=("auto", "words", "sound"),
        default="auto",
        help="what is judged: the model's own words, or its sound; auto: sound if it makes any (default: %(default)s)",
    )
    command.add_argument(
        "--oracle-voice",
        default="pico",
        metavar="NAME",
        help="who speaks the oracle's words, or none (default: %(default)s)",
    )
    command.add_argument(
        "--echo",
        type=float,
        metavar="DB",
        help="loudspeakers: what it says is mixed into what it hears, so many dB quieter (default: headphones)",
    )
    command.add_argument("--ears", metavar="NAME", help="for a model that only reads and writes; in real time")
    command.add_argument("--voice", metavar="NAME", help="the same")
    command.set_defaults(start=_start)


async def _start(arguments: argparse.Namespace) -> None:
    try:
        from counterpoint.cli.evaluate import evaluate, evaluation
    except ImportError as error:
        raise MissingExtra("evaluation", "native") from error
    await evaluate(evaluation(arguments))
