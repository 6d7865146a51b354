"""Text that waits for the next step. Text is never dropped: a full backlog refuses more instead."""

from collections import deque
from typing import Final

from counterpoint.config import TEXT_BACKLOG
from counterpoint.errors import InputFull
from counterpoint.shared_context.chunks import TextChunk

MAX_WAITING_CHARACTERS: Final = 1_000_000
"""So that a backlog of long chunks stays bounded in memory as well."""


class TextIntake:
    __slots__ = ("_characters", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, TextChunk]] = deque()
        self._characters = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def push(self, chunk: TextChunk, now: float) -> None:
        """Raises `InputFull` when too much waits; the chunk is then not taken."""
        if len(self._waiting) >= TEXT_BACKLOG or self._characters + len(chunk.text) > MAX_WAITING_CHARACTERS:
            raise InputFull(
                f"{len(self._waiting)} text chunks ({self._characters} characters) wait already; "
                "push again after the next beat"
            )
        self._waiting.append((now, chunk))
        self._characters += len(chunk.text)

    def cut(self, end: float) -> tuple[TextChunk, ...]:
        """What arrived up to `end` (seconds since the session's start), in order; the rest belongs to later beats."""
        waiting = self._waiting
        if not waiting or waiting[0][0] > end:
            return ()
        texts: list[TextChunk] = []
        while waiting and waiting[0][0] <= end:
            texts.append(waiting.popleft()[1])
        self._characters -= sum(len(chunk.text) for chunk in texts)
        return tuple(texts)
