"""Scores of many items to a table and a file: suites with their intervals, splits and baselines."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from counterpoint.evaluation import LABEL
from counterpoint.evaluation.baselines import at_random, silent, waiting_for_turns
from counterpoint.evaluation.duplex_scoring import WANTED
from counterpoint.evaluation.intervals import Estimate, mean, ratio
from counterpoint.evaluation.items import SPLITS, Item, Suite
from counterpoint.evaluation.lived import Lived
from counterpoint.evaluation.oracle import perfect
from counterpoint.evaluation.scoring import Scored, score

WORDS: Final = "words: what the model says that it said; no sound was judged"
SOUND: Final = "sound: what an independent recogniser heard of it, at the times at which it sounded"

BASELINES: Final[dict[str, Callable[[Item, Lived], Lived]]] = {
    "silent": lambda _item, _lived: silent(),
    "random": lambda item, _lived: at_random(item),
    "oracle": lambda item, _lived: perfect(item),
    "behind turns": waiting_for_turns,
}
"""`behind turns`: the same model's words, held back until the person has been silent for .6 s."""

ORACLE_SPOKEN: Final = "oracle, spoken"
"""The oracle's words said by a voice and judged as the model is: the ceiling of the judge."""

_MACRO: Final = {Suite.CUESPEAK: ("cue",), Suite.TIMESPEAK: ("timed", "every")}


class Result(msgspec.Struct, frozen=True):
    """One item, lived through and scored, and what the baselines get for it. `judged`: on words, or on sound."""

    item: Item
    scored: Scored
    baselines: dict[str, float]
    judged: str = WORDS


def result_of(item: Item, lived: Lived, oracle: Lived | None = None) -> Result:
    """`lived`, and the spoken oracle if there is one, as they were judged."""
    baselines = {name: score(item, of(item, lived)).score for name, of in BASELINES.items()}
    if oracle is not None:
        baselines[ORACLE_SPOKEN] = score(item, oracle).score
    heard = lived.sounding is not None and item.suite is not Suite.WORDS
    return Result(item, score(item, lived), baselines, SOUND if heard else WORDS)


def as_data(results: Sequence[Result], model: str, without: Mapping[Suite, str] | None = None) -> dict[str, Any]:
    """What is written to the file; scores are 0 to 1, and a suite's score is the mean of its items'. `model`: its name,
    then the checksum of its weights if it has one. `without`: why suites have no figures.
    """
    name, _, checksum = model.partition(" sha256:")
    present = {suite: chosen for suite in Suite if (chosen := _of(results, suite))}
    return {
        "label": LABEL,
        "model": checksum or name,
        "name": name,
        "suites": {suite.value: _suite(chosen) for suite, chosen in present.items()},
        "without figures": {suite.value: reason for suite, reason in (without or {}).items() if suite not in present},
        "judged": {suite.value: _judged(chosen) for suite, chosen in present.items()},
        "beside": {suite.value: _beside(suite, chosen) for suite, chosen in present.items()},
    }


def _of(results: Sequence[Result], suite: Suite) -> list[Result]:
    return [each for each in results if each.item.suite is suite]


def _judged(results: Sequence[Result]) -> str:
    return "; ".join(sorted({each.judged for each in results}))


def _suite(results: Sequence[Result]) -> dict[str, Any]:
    estimate = mean([each.scored.score for each in results])
    return {
        "n": len(results),
        "score": estimate.value,
        "ci95": [estimate.low, estimate.high],
        "baselines": baselines(results),
        "items": [{"id": each.item.id, "split": each.item.split, "score": each.scored.score} for each in results],
    }


def baselines(results: Sequence[Result]) -> dict[str, float]:
    """The mean of each over the items that have it."""
    names = dict.fromkeys(name for each in results for name in each.baselines)
    return {name: statistics.fmean(e.baselines[name] for e in results if name in e.baselines) for name in names}


def _beside(suite: Suite, results: Sequence[Result]) -> dict[str, Any]:
    """Per split: the score with its interval, the parts it is made of, and latencies."""
    return {split: _split(suite, chosen) for split in splits(results) if (chosen := _in(results, split))}


def _split(suite: Suite, results: Sequence[Result]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "n": len(results),
        "score": _numbers(mean([each.scored.score for each in results])),
        "baselines": baselines(results),
        "parts": {name: _numbers(estimate) for name, estimate in parts(results).items()},
        "latencies": {name: latency(seconds) for name, seconds in times(results).items()},
    }
    if suite in _MACRO:
        found["macro average over categories"] = macro(suite, results)
    if average := overlap_average(results):
        found["Full-Duplex-Bench v1.5 rules, mean of the scenarios"] = average
    return found


def macro(suite: Suite, results: Sequence[Result]) -> dict[str, float | None]:
    """The mean of the categories' shares, lenient and strict."""
    known = parts(results)
    found: dict[str, float | None] = {}
    for name, ending in (("lenient", ""), ("strict", ", strict")):
        shares = [known[each + ending].value for each in _MACRO[suite] if each + ending in known]
        rates = [share for share in shares if share is not None]
        found[name] = statistics.fmean(rates) if rates else None
    return found


def overlap_average(results: Sequence[Result]) -> dict[str, float | int] | None:
    """The mean over the scenarios of how often the wanted tag was given; None without such items."""
    known = parts(results)
    names = [f"v1.5 {scenario.value}: {tag.value}" for scenario, tag in WANTED.items()]
    rates = [value for name in names if name in known and (value := known[name].value) is not None]
    return {"scenarios": len(rates), "value": statistics.fmean(rates)} if rates else None


def times(results: Sequence[Result]) -> dict[str, list[float]]:
    """Latencies by name, in seconds."""
    found: dict[str, list[float]] = {}
    for each in results:
        for time in each.scored.times:
            found.setdefault(time.name, []).append(time.seconds)
    return found


def latency(seconds: Sequence[float]) -> dict[str, float]:
    """v1's is a mean, as published; median and ninetieth percentile tell more."""
    ordered = sorted(seconds)
    return {
        "n": len(ordered),
        "mean": statistics.fmean(ordered),
        "median": statistics.median(ordered),
        "p90": ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))],
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


def table(results: Sequence[Result], without: Mapping[Suite, str] | None = None) -> str:
    """Lines for a terminal: per suite and split the score, what the baselines get, and the parts."""
    names = [name for name in (*BASELINES, ORACLE_SPOKEN) if any(name in each.baselines for each in results)]
    lines = [LABEL, f"{'':45} {'score':>22} {'n':>5}  " + "  ".join(names)]
    for suite in Suite:
        here = _of(results, suite)
        for split in splits(here):
            lines += _rows(suite, split, _in(here, split), names)
    lines += (f"{suite.value}: no figures, {reason}" for suite, reason in (without or {}).items())
    return "\n".join(lines)


def _rows(suite: Suite, split: str, results: Sequence[Result], names: Sequence[str]) -> list[str]:
    got = baselines(results)
    columns = "  ".join(f"{got[name]:{max(5, len(name))}.3f}" if name in got else " " * len(name) for name in names)
    whole = mean([each.scored.score for each in results])
    lines = [f"{suite.value + ', ' + split:45} {whole!s:>22} {len(results):5}  {columns}"]
    lines.append(f"  judged on {_judged(results)}")
    lines += (f"  {name:43} {part!s:>22} {part.count:5.0f}" for name, part in parts(results).items())
    averages = macro(suite, results) if suite in _MACRO else {}
    lines += (f"  macro average, {name:28} {share:22.3f}" for name, share in averages.items() if share is not None)
    if average := overlap_average(results):
        lines.append(f"  v1.5 rules, mean of {average['scenarios']} scenarios {average['value']:36.3f}")
    lines += (_latency_row(name, latency(seconds)) for name, seconds in times(results).items())
    return lines


def _latency_row(name: str, told: dict[str, float]) -> str:
    figures = f"{told['median']:.2f} ({told['mean']:.2f}, {told['p90']:.2f})"
    return f"  {name + ' latency, median (mean, p90), s':43} {figures:>22} {told['n']:5}"
