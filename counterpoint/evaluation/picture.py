"""Scores as a picture (SVG): a bar for each suite and split with its interval, and marks for the baselines."""

from collections.abc import Sequence
from html import escape
from typing import Final

from counterpoint.evaluation import LABEL
from counterpoint.evaluation.intervals import Estimate, mean
from counterpoint.evaluation.items import Suite
from counterpoint.evaluation.report import ORACLE_SPOKEN, Result, baselines, splits

LEFT: Final = 260
WIDTH: Final = 620
ROW: Final = 24
_MARKS: Final = {"silent": "#b33", "random": "#d90", "oracle": "#393", "behind turns": "#555", ORACLE_SPOKEN: "#93c"}


def picture(results: Sequence[Result]) -> str:
    """The whole file."""
    rows: list[str] = []
    for suite in Suite:
        here = [each for each in results if each.item.suite is suite]
        for split in splits(here):
            rows.append(_row(len(rows), f"{suite.value}, {split}", [one for one in here if one.item.split == split]))
    height = (len(rows) + 3) * ROW
    legend = "".join(
        f'<circle cx="{LEFT + 130 * n}" cy="{ROW + 8}" r="4" fill="{colour}"/>'
        f'<text x="{LEFT + 130 * n + 8}" y="{ROW + 12}">{escape(name)}</text>'
        for n, (name, colour) in enumerate(_MARKS.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 60}" height="{height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>\n'
        f'<text x="8" y="18">{escape(LABEL)}</text>\n{legend}\n' + "\n".join(rows) + "\n</svg>\n"
    )


def _row(number: int, name: str, results: Sequence[Result]) -> str:
    y = (number + 2) * ROW
    estimate: Estimate = mean([each.scored.score for each in results])
    value, low, high = (LEFT + WIDTH * (part or 0.0) for part in (estimate.value, estimate.low, estimate.high))
    marks = "".join(
        f'<circle cx="{LEFT + WIDTH * got:.1f}" cy="{y + 10}" r="4" fill="{_MARKS[name]}"/>'
        for name, got in baselines(results).items()
    )
    return (
        f'<text x="8" y="{y + 14}">{escape(name)}, n = {len(results)}</text>'
        f'<rect x="{LEFT}" y="{y + 3}" width="{value - LEFT:.1f}" height="{ROW - 10}" fill="#9bd"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y + 10}" y2="{y + 10}" stroke="black"/>{marks}'
        f'<text x="{LEFT + WIDTH + 10}" y="{y + 14}">{estimate.value or 0:.2f}</text>'
    )
