"""The score of a conversation in sound as a picture (SVG): both voices as they sounded, with their words, and what the
background did; in systems, one below the other, like a score. Above the voices, if there is a film, what was seen.

Knows neither sessions nor stores.
"""

from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import Final

import msgspec

from counterpoint.cli.demo_film import Sight
from counterpoint.cli.score import VOICES, Voice, clock
from counterpoint.cli.stills import Still
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

STILL_SECONDS: Final = 1.0
"""From one picture of a strip to the next: a system has room for whole ones."""

_STILL: Final = round(STILL_SECONDS * _SECOND) - 2
_STRIP: Final = _STILL + 2 * _ROW


class Mark(msgspec.Struct, frozen=True):
    """Words at a time, in seconds; `faint`: not what was perceived, but what was really said."""

    at: float
    voice: Voice
    text: str
    faint: bool = False


class Strip(msgspec.Struct, frozen=True):
    """Pictures, `STILL_SECONDS` apart, and what is to be seen in them."""

    stills: Sequence[Still]
    sights: Sequence[Sight]


def score_picture(
    title: str, sides: dict[Voice, Sequence[int]], rate: int, marks: Sequence[Mark], strip: Strip | None = None
) -> str:
    """The whole file. `sides`: the samples of who sounded."""
    seconds = max(1.0, *(len(samples) / rate for samples in sides.values()))
    systems = range(int(seconds / SYSTEM_SECONDS - 1e-6) + 1)
    high = _SYSTEM + (_STRIP if strip else 0)
    drawn: list[str] = []
    for number in systems:
        top, begin = 40 + number * high, number * SYSTEM_SECONDS
        drawn.append(_ruler(top, begin, high))
        if strip:
            drawn.append(_strip(strip, begin, top + 20))
        drawn.append(_voices(top + high - _SYSTEM + 20, begin, sides, rate, marks))
    width, height = _LEFT + round(SYSTEM_SECONDS * _SECOND) + 30, 40 + high * len(systems)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>\n<text x="12" y="22" font-size="14">'
        f"{escape(title)}</text>\n" + "\n".join(drawn) + "\n</svg>\n"
    )


def _voices(top: float, begin: float, sides: dict[Voice, Sequence[int]], rate: int, marks: Sequence[Mark]) -> str:
    parts: list[str] = []
    for place, voice in enumerate(VOICES):
        y = top + place * _LANE
        middle = y + (_WAVE // 2 if voice in sides else _ROW)
        parts.append(f'<text x="12" y="{middle + 4}" fill="{_COLORS[voice]}">{voice}</text>')
        if voice in sides:
            parts.append(_wave(sides[voice], rate, begin, y + _WAVE / 2, _COLORS[voice]))
            y += _WAVE
        here = [each for each in marks if each.voice == voice and begin <= each.at < begin + SYSTEM_SECONDS]
        parts += _words(here, begin, y, _ROWS if voice in sides else _BACKGROUND_ROWS)
    return "\n".join(parts)


def _strip(strip: Strip, begin: float, top: float) -> str:
    """Each picture begins where it was taken; below it a bar as long as what is to be seen."""
    end = begin + SYSTEM_SECONDS
    parts = [f'<text x="12" y="{top + _STILL // 2 + 4}" fill="{_COLORS["person"]}">camera</text>']
    parts += [
        f'<image x="{_x(each.at - begin):.1f}" y="{top}" width="{_STILL}" height="{_STILL}" href="{escape(each.uri)}"/>'
        for each in strip.stills
        if begin <= each.at < end
    ]
    for each in strip.sights:
        if each.begin < end and each.end > begin:
            first, last = max(each.begin, begin) - begin, min(each.end, end) - begin
            parts.append(
                f'<rect x="{_x(first):.1f}" y="{top + _STILL + 3}" width="{(last - first) * _SECOND - 1:.1f}" '
                f'height="3" fill="{_COLORS["person"]}"/>'
            )
    captions = [Mark(each.begin, "person", each.what, faint=True) for each in strip.sights if begin <= each.begin < end]
    return "\n".join(parts + _words(captions, begin, top + _STILL + 4, 1))


def _ruler(top: float, begin: float, high: int) -> str:
    bottom = top + high - 14
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
