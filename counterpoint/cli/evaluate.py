"""`counterpoint evaluate`: an interaction model lives through items, and what it did is scored and compared."""

import argparse
import sys
from pathlib import Path

import anyio
import msgspec

from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.items import COMES_ALONG, Item, Suite, load_items
from counterpoint.evaluation.living import live
from counterpoint.evaluation.picture import picture
from counterpoint.evaluation.report import Result, as_data, result_of, table
from counterpoint.interaction.engines.load import fingerprint, load_interaction


class EvaluateOptions(msgspec.Struct, frozen=True):
    """As on the command line. `suites`: empty for all that there are; `most`: items of each suite and split."""

    model: str
    suites: tuple[str, ...] = ()
    items: Path = COMES_ALONG
    json: Path | None = None
    picture: Path | None = None
    most: int | None = None


def evaluation(arguments: argparse.Namespace) -> EvaluateOptions:
    return EvaluateOptions(
        arguments.model,
        suites_of(arguments.suite),
        arguments.items,
        arguments.json,
        arguments.picture,
        arguments.most,
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
    """Prints the table; as many items as there are, in their order, with the progress on stderr."""
    items = _chosen(await anyio.to_thread.run_sync(load_items, options.items), options)
    model = await anyio.to_thread.run_sync(load_interaction, options.model)
    results: list[Result] = []
    for number, item in enumerate(items, 1):
        print(f"\r{number} of {len(items)} items", end="", file=sys.stderr, flush=True)
        results.append(result_of(item, await live(model, item, options.items)))
    print(file=sys.stderr)
    print(table(results))
    await anyio.to_thread.run_sync(_write, results, options)


def _write(results: list[Result], options: EvaluateOptions) -> None:
    """Raises `ConfigurationError` for a place where nothing can be written."""
    try:
        if options.json:
            data = as_data(results, fingerprint(options.model))
            options.json.write_bytes(msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n")
        if options.picture:
            options.picture.write_text(picture(results))
    except OSError as error:
        raise ConfigurationError(f"cannot write the report: {error}") from error


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
        raise ConfigurationError(f"{options.items} has no items of the suites {', '.join(options.suites)}")
    return found
