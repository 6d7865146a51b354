"""`counterpoint evaluate`: an interaction model lives through items, and what it did is scored and compared."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import anyio
import msgspec

from counterpoint.cli.evaluation_crew import Work, evaluate_all
from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.items import Item, Suite, load_items
from counterpoint.evaluation.picture import picture
from counterpoint.evaluation.report import Result, as_data, table
from counterpoint.interaction.engines.load import fingerprint

_FAINTEST: Final = 96.0
"""dB. Nothing of a sample of 16 bits is left."""


class EvaluateOptions(msgspec.Struct, frozen=True):
    """As on the command line. `suites`: empty for all that there are; `most`: items of each suite and split."""

    work: Work
    suites: tuple[str, ...] = ()
    json: Path | None = None
    picture: Path | None = None
    most: int | None = None
    jobs: int = 1


def evaluation(arguments: argparse.Namespace) -> EvaluateOptions:
    if arguments.jobs < 1:
        raise ConfigurationError(f"--jobs is 1 or more, not {arguments.jobs}")
    if arguments.echo is not None and not 0 <= arguments.echo <= _FAINTEST:
        raise ConfigurationError(f"--echo is 0 to {_FAINTEST:g} dB below the model's own level, not {arguments.echo:g}")
    work = Work(
        arguments.model,
        arguments.items,
        arguments.ears,
        arguments.voice,
        arguments.judge,
        arguments.oracle_voice,
        arguments.sounds,
        arguments.echo,
    )
    return EvaluateOptions(
        work, suites_of(arguments.suite), arguments.json, arguments.picture, arguments.most, arguments.jobs
    )


def suites_of(text: str) -> tuple[str, ...]:
    """Of "words,cuespeak"; "all" is every one. Raises `ConfigurationError` for one that does not exist."""
    known = [suite.value for suite in Suite]
    if text == "all":
        return ()
    for name in (names := tuple(text.split(","))):
        if name not in known:
            raise ConfigurationError(f"there is no suite {name!r}; there are: {', '.join(known)}, all")
    return names


async def evaluate(options: EvaluateOptions) -> None:
    """Prints the table, with the progress on stderr."""
    items = _chosen(await anyio.to_thread.run_sync(load_items, options.work.folder), options)
    found: dict[int, Result | str] = {}
    start = perf_counter()  # asked for by a thread that has no loop, too

    def done(number: int, result: Result | str) -> None:
        found[number] = result
        print(f"\r{_progress(len(found), len(items), perf_counter() - start)}", end="", file=sys.stderr, flush=True)

    await evaluate_all(options.work, items, options.jobs, done)
    print(file=sys.stderr)
    results = [each for _, each in sorted(found.items()) if isinstance(each, Result)]
    without = _without(items, found, options.suites)
    if not results:
        raise ConfigurationError("; ".join(f"{suite.value}: {reason}" for suite, reason in without.items()))
    if options.work.echo is not None:
        print(f"through loudspeakers: it hears itself, {options.work.echo:g} dB quieter than it speaks")
    print(table(results, without))
    await anyio.to_thread.run_sync(_write, results, without, options)


def _progress(count: int, all_of_them: int, seconds: float) -> str:
    left = (all_of_them - count) * seconds / count
    told = f"{left / 60:.0f} min" if left > 90 else f"{left:.0f} s"
    return f"{count} of {all_of_them} items, {60 * count / seconds:.0f} a minute, {told} left   "


def _without(items: Sequence[Item], found: dict[int, Result | str], asked: tuple[str, ...]) -> dict[Suite, str]:
    """Why suites have no figures."""
    refused = {items[number].suite: reason for number, reason in found.items() if isinstance(reason, str)}
    present = {item.suite for item in items}
    return {
        suite: "not asked for" if asked and suite.value not in asked else refused.get(suite, "there are no items")
        for suite in Suite
        if suite not in present or suite in refused
    }


def _write(results: list[Result], without: dict[Suite, str], options: EvaluateOptions) -> None:
    """Raises `ConfigurationError` for a place where nothing can be written."""
    try:
        if options.json:
            data: dict[str, Any] = as_data(results, _model(options.work), without)
            if options.work.echo is not None:
                data["echo"] = options.work.echo
            options.json.write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n")
        if options.picture:
            options.picture.write_text(picture(results))
    except OSError as error:
        raise ConfigurationError(f"cannot write the report: {error}") from error


def _model(work: Work) -> str:
    known = fingerprint(work.interaction)
    return f"{known} with {work.ears} and {work.voice}" if work.ears else known


def _chosen(items: tuple[Item, ...], options: EvaluateOptions) -> list[Item]:
    found: list[Item] = []
    counts: dict[tuple[Suite, str], int] = {}
    for item in items:
        key = (item.suite, item.split)
        counts[key] = counts.get(key, 0) + 1
        wanted = not options.suites or item.suite.value in options.suites
        if wanted and (options.most is None or counts[key] <= options.most):
            found.append(item)
    if not found:
        raise ConfigurationError(f"{options.work.folder} has no items of the suites {', '.join(options.suites)}")
    return found
