"""Thoughts that a server left in the text: "<think>...</think>" at its beginning. Pure, text in pieces of any size."""

from typing import Final

from counterpoint.engines.http.deltas import Delta, Text, Thought

OPENS: Final = "<think>"
CLOSES: Final = "</think>"


class ThoughtReader:
    """Only at the beginning: later it is text that somebody quotes."""

    def __init__(self) -> None:
        self._waiting = ""
        self._begun = False
        self._inside = False

    def read(self, text: str) -> list[Delta]:
        if self._begun:
            return [Text(text)]
        self._waiting += text
        if not self._inside:
            start = self._waiting.lstrip()
            if OPENS.startswith(start):
                return []
            if not start.startswith(OPENS):
                return self._speak(self._waiting)
            self._inside, self._waiting = True, start.removeprefix(OPENS)
        thought, closed, rest = self._waiting.partition(CLOSES)
        if closed:
            return [Thought(thought), *self._speak(rest.lstrip())]
        safe = max(0, len(thought) - len(CLOSES) + 1)
        self._waiting = thought[safe:]
        return [Thought(thought[:safe])] if safe else []

    def finish(self) -> list[Delta]:
        """What waits is text, unless it was thought to the end."""
        waiting, self._waiting = self._waiting, ""
        return [] if self._inside and not self._begun else [Text(waiting)] if waiting else []

    def _speak(self, text: str) -> list[Delta]:
        self._begun, self._waiting = True, ""
        return [Text(text)] if text else []
