"""Three lanes side by side, person, agent and background, with beat numbers; one row per thing that happens.

Knows nothing of sessions: it lays out text. Coloured if asked to, plain otherwise.
"""

import shutil
import textwrap
from collections.abc import Callable
from typing import Literal

from counterpoint.shared_context.escaping import shown

Lane = Literal["person", "agent", "background"]
LANES: tuple[Lane, ...] = ("person", "agent", "background")
_COLORS = {"person": "36", "agent": "32", "background": "33"}
_BEAT_WIDTH = 6
_NARROWEST = 60


class Lanes:
    """`write` gets finished lines without their line ends."""

    def __init__(self, write: Callable[[str], None], *, color: bool, width: int | None = None) -> None:
        self._write = write
        self._color = color
        total = max(width or shutil.get_terminal_size((110, 24)).columns, _NARROWEST)
        self._column = (total - _BEAT_WIDTH - 3 * len(LANES)) // len(LANES)

    def head(self) -> None:
        """The names of the lanes, and a rule."""
        self._write(" beat " + "".join(f" | {lane:<{self._column}}" for lane in LANES).rstrip())
        self._write("-" * (_BEAT_WIDTH + 1) + "+" + "+".join("-" * (self._column + 2) for _ in LANES))

    def row(self, beat: int, lane: Lane, text: str) -> None:
        """One thing that happened in a beat, wrapped within its lane. Nothing in the text acts on the terminal."""
        lines = textwrap.wrap(" ".join(shown(text).split()), self._column) or [""]
        for index, line in enumerate(lines):
            number = f"{beat:>5} " if index == 0 else " " * _BEAT_WIDTH
            self._write(number + "".join(self._cell(line if each == lane else "", each) for each in LANES).rstrip())

    def _cell(self, text: str, lane: Lane) -> str:
        padded = f"{text:<{self._column}}"
        if self._color and text:
            padded = f"\x1b[{_COLORS[lane]}m{padded}\x1b[0m"
        return f" | {padded}"
