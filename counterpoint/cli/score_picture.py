"""The score of a conversation in sound as a picture (SVG): both voices as they sounded, with their words, and what the
background did; in systems, one below the other, like a score.

Knows neither sessions nor stores.
"""

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Final

import msgspec

from counterpoint.cli.score import VOICES, Voice, clock
from counterpoint.config import BEAT_SECONDS

SYSTEM_SECONDS: Final = 13.0
_LEFT: Final = 90
_SECOND: Final = 82
"""Pixels of a second."""

_WAVE: Final = 44
_ROW: Final = 15
_ROWS: Final = 3
"""Of words below a voice; what finds no room stands in the last one all the same."""

_BACKGROUND_ROWS: Final = 4

_CHARACTER: Final = 6.3
_LANE: Final = _WAVE + _ROWS * _ROW
_SYSTEM: Final = 2 * _LANE + _BACKGROUND_ROWS * _ROW + 40
_COLORS: Final = {"person": "#0a7d91", "agent": "#2c8a3d", "background": "#a6750c"}
_LOUD: Final = 12_000


class Mark(msgspec.Struct, frozen=True):
    """Words at a time, in seconds; `faint`: not what was perceived, but what was really said."""

    at: float
    voice: Voice
    text: str
    faint: bool = False


def score_picture(title: str, sides: dict[Voice, Sequence[int]], rate: int, marks: Sequence[Mark]) -> str:
    """The whole file. `sides`: the samples of who sounded."""
    seconds = max(1.0, *(len(samples) / rate for samples in sides.values()))
    systems = range(int(seconds / SYSTEM_SECONDS - 1e-6) + 1)
    drawn = [_system(number, sides, rate, marks) for number in systems]
    width, height = _LEFT + round(SYSTEM_SECONDS * _SECOND) + 30, 40 + _SYSTEM * len(systems)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>\n<text x="12" y="22" font-size="14">'
        f"{escape(title)}</text>\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def _system(number: int, sides: dict[Voice, Sequence[int]], rate: int, marks: Sequence[Mark]) -> str:
    top, begin = 40 + number * _SYSTEM, number * SYSTEM_SECONDS
    parts = [_ruler(top, begin)]
    for place, voice in enumerate(VOICES):
        y = top + 20 + place * _LANE
        middle = y + (_WAVE // 2 if voice in sides else _ROW)
        parts.append(f'<text x="12" y="{middle + 4}" fill="{_COLORS[voice]}">{voice}</text>')
        if voice in sides:
            parts.append(_wave(sides[voice], rate, begin, y + _WAVE / 2, _COLORS[voice]))
            y += _WAVE
        here = [each for each in marks if each.voice == voice and begin <= each.at < begin + SYSTEM_SECONDS]
        parts += _words(here, begin, y, _ROWS if voice in sides else _BACKGROUND_ROWS)
    return "\n".join(parts)


def _ruler(top: float, begin: float) -> str:
    bottom = top + _SYSTEM - 14
    lines = [
        f'<line x1="{_x(second)}" x2="{_x(second)}" y1="{top + 16}" y2="{bottom}" stroke="#e4e4e4"/>'
        f'<text x="{_x(second) - 12}" y="{top + 12}" fill="#777">{clock(round((begin + second) / BEAT_SECONDS))}</text>'
        for second in range(0, round(SYSTEM_SECONDS) + 1, 2)
    ]
    return "".join(lines)


def _wave(samples: Sequence[int], rate: int, begin: float, middle: float, color: str) -> str:
    """A line a pixel, as long as the loudest sample in it."""
    first, wide = round(begin * rate), round(SYSTEM_SECONDS * _SECOND)
    edges = [min(len(samples), first + round(pixel * rate / _SECOND)) for pixel in range(wide + 1)]
    steps: list[str] = []
    for pixel, (start, end) in enumerate(pairwise(edges)):
        if start < end:
            high = max(0.4, _WAVE / 2 * min(1.0, max(map(abs, samples[start:end])) / _LOUD))
            steps.append(f"M{_LEFT + pixel} {middle - high:.1f}v{2 * high:.1f}")
    return f'<path d="{"".join(steps)}" stroke="{color}" fill="none"/>' if steps else ""


def _words(marks: Sequence[Mark], begin: float, top: float, rows: int) -> list[str]:
    """Each in the first row that is free where it begins."""
    free = [0.0] * rows
    found: list[str] = []
    for each in sorted(marks, key=lambda one: one.at):
        wide = len(each.text) * _CHARACTER
        x = max(_LEFT, min(_x(each.at - begin), _x(SYSTEM_SECONDS) + 20 - wide))
        row = next((number for number, until in enumerate(free) if until <= x), rows - 1)
        free[row] = x + wide + 8
        style = 'fill="#999" font-style="italic"' if each.faint else f'fill="{_COLORS[each.voice]}"'
        found.append(f'<text x="{x:.0f}" y="{top + (row + 1) * _ROW:.0f}" {style}>{escape(each.text)}</text>')
    return found


def _x(seconds: float) -> float:
    return _LEFT + seconds * _SECOND
