"""Notes of an earlier attempt that this one takes back: the host says of each whether it was told all the same.

Until then nothing is told, or the person might hear the same words from both attempts. It knows no store.
"""

from collections.abc import Iterable
from typing import Final

import anyio

from counterpoint.shared_context.entries import NoteDropped, Stored, Turn
from counterpoint.shared_context.ids import NoteId

ANSWER_SECONDS: Final = 1.0
"""A host answers with its next beat. One that is gone does not; the next one reads in order what was taken back."""


class Retractions:
    def __init__(self) -> None:
        self._open: set[NoteId] = set()
        self._answered = anyio.Event()

    def begin(self, notes: Iterable[NoteId]) -> None:
        self._open.update(notes)

    def arrived(self, stored: Stored) -> None:
        match stored.entry.body:
            case NoteDropped(note=note):
                self._open.discard(note)
            case Turn(voiced=voiced):
                self._open.difference_update(each.note for each in voiced)
            case _:
                return
        self._answered.set()

    async def answered(self) -> None:
        """Wait until nothing is open, but not for a host that does not answer."""
        with anyio.move_on_after(ANSWER_SECONDS):
            while self._open:
                self._answered = anyio.Event()
                await self._answered.wait()
