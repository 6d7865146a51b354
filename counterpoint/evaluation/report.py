"""Scores of many items to a table and a file: suites with their intervals, splits and baselines."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from counterpoint.evaluation import LABEL
from counterpoint.evaluation.baselines import at_random, perfect, silent, waiting_for_turns
from counterpoint.evaluation.intervals import Estimate, mean, ratio
from counterpoint.evaluation.items import SPLITS, Item, Suite
from counterpoint.evaluation.living import Lived
from counterpoint.evaluation.scoring import Scored, score

JUDGED: Final = "on the words that the model expressed as text; no sound was judged"

BASELINES: Final[dict[str, Callable[[Item, Lived], Lived]]] = {
    "silent": lambda _item, _lived: silent(),
    "random": lambda item, _lived: at_random(item),
    "oracle": lambda item, _lived: perfect(item),
    "behind turns": waiting_for_turns,
}
"""`behind turns`: the same model's words, held back until the person has been silent for .6 s."""


class Result(msgspec.Struct, frozen=True):
    """One item, lived through and scored, and what the baselines get for it."""

    item: Item
    scored: Scored
    baselines: dict[str, float]


def result_of(item: Item, lived: Lived) -> Result:
    return Result(
        item, score(item, lived), {name: score(item, of(item, lived)).score for name, of in BASELINES.items()}
    )


def as_data(results: Sequence[Result], model: str) -> dict[str, Any]:
    """What is written to the file; scores are 0 to 1, and a suite's score is the mean of its items'."""
    return {
        "label": LABEL,
        "judged": JUDGED,
        "model": model,
        "suites": {suite.value: _suite(chosen) for suite in Suite if (chosen := _of(results, suite))},
        "beside": {suite.value: _beside(chosen) for suite in Suite if (chosen := _of(results, suite))},
    }


def _of(results: Sequence[Result], suite: Suite) -> list[Result]:
    return [each for each in results if each.item.suite is suite]


def _suite(results: Sequence[Result]) -> dict[str, Any]:
    estimate = mean([each.scored.score for each in results])
    return {
        "n": len(results),
        "score": estimate.value,
        "ci95": [estimate.low, estimate.high],
        "baselines": {name: statistics.fmean(each.baselines[name] for each in results) for name in BASELINES},
        "items": [{"id": each.item.id, "split": each.item.split, "score": each.scored.score} for each in results],
    }


def _beside(results: Sequence[Result]) -> dict[str, Any]:
    """Per split: the score with its interval, the parts it is made of, and the median latency."""
    return {split: _split(chosen) for split in splits(results) if (chosen := _in(results, split))}


def _split(results: Sequence[Result]) -> dict[str, Any]:
    latencies = [each for one in results for each in one.scored.latencies]
    return {
        "n": len(results),
        "score": _numbers(mean([each.scored.score for each in results])),
        "parts": {name: _numbers(estimate) for name, estimate in parts(results).items()},
        "latency, median": statistics.median(latencies) if latencies else None,
    }


def parts(results: Sequence[Result]) -> dict[str, Estimate]:
    """Each part over all items, with an interval that resamples items."""
    names = dict.fromkeys(part.name for each in results for part in each.scored.parts)
    return {name: _part(results, name) for name in names}


def _part(results: Sequence[Result], name: str) -> Estimate:
    rows = [[part for part in each.scored.parts if part.name == name] for each in results]
    return ratio([sum(part.hits for part in row) for row in rows], [sum(part.total for part in row) for row in rows])


def _numbers(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "ci95": [estimate.low, estimate.high], "n": estimate.count}


def splits(results: Iterable[Result]) -> list[str]:
    """The known ones in their order, then others."""
    found = dict.fromkeys(each.item.split for each in results)
    return [split for split in SPLITS if split in found] + [split for split in found if split not in SPLITS]


def _in(results: Sequence[Result], split: str) -> list[Result]:
    return [each for each in results if each.item.split == split]


def table(results: Sequence[Result]) -> str:
    """Lines for a terminal: per suite and split the score, the parts, and what the baselines get."""
    lines = [f"{LABEL}; judged {JUDGED}", f"{'':40} {'score':>22} {'n':>5}  " + "  ".join(BASELINES)]
    for suite in Suite:
        for split in splits(_of(results, suite)):
            chosen = _in(_of(results, suite), split)
            baselines = "  ".join(
                f"{statistics.fmean(each.baselines[name] for each in chosen):{max(5, len(name))}.3f}"
                for name in BASELINES
            )
            whole = mean([each.scored.score for each in chosen])
            lines.append(f"{suite.value + ', ' + split:40} {whole!s:>22} {len(chosen):5}  {baselines}")
            lines += (f"  {name:38} {part!s:>22} {part.count:5.0f}" for name, part in parts(chosen).items())
    return "\n".join(lines)
