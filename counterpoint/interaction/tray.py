"""The tray: notes laid down and not yet woven, with superseding, staleness and expiry. Every note leaves it once,
woven or dropped with a reason.
"""

import math
from collections.abc import Iterable

import msgspec

from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.policy import Waiting
from counterpoint.shared_context.ids import Beat, DelegationId, NoteId, Position
from counterpoint.shared_context.notes import Note, NoteKind


class Drop(msgspec.Struct, frozen=True):
    """A note that will never be woven, and why."""

    note: NoteId
    reason: str


class Tray:
    """Holds a handful of notes; everything is linear in their number."""

    def __init__(self) -> None:
        self._waiting: dict[NoteId, Waiting] = {}
        self._withdrawn: set[DelegationId] = set()
        self._amended: dict[DelegationId, Position] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, note: NoteId) -> bool:
        return note in self._waiting

    def waiting(self) -> Iterable[Waiting]:
        return self._waiting.values()

    def lay(self, note: Note, beat: Beat, heard: int = 0) -> list[Drop]:
        """Put a note down (again, if `heard` characters of it were spoken before). Returns what that displaces."""
        if reason := self._unwanted(note):
            return [Drop(note.id, reason)]
        drops = [Drop(old.note.id, f"superseded by {note.id}") for old in self._displaced(note)]
        for drop in drops:
            del self._waiting[drop.note]
        expires = Beat(beat + math.ceil(note.ttl / BEAT_SECONDS))
        self._waiting[note.id] = Waiting(note, beat, expires, heard)
        return drops

    def put_back(self, waiting: Waiting, heard: int, beat: Beat) -> list[Drop]:
        """A note that was interrupted while it was spoken: it waits anew, so that it does not at once break into the
        answer to what interrupted it, with what is left of its time to live.
        """
        if reason := self._unwanted(waiting.note):
            return [Drop(waiting.note.id, reason)]
        newer = next((each for each in self._waiting.values() if _supersedes(each.note, waiting.note)), None)
        if newer is not None:
            return [Drop(waiting.note.id, f"superseded by {newer.note.id}")]
        self._waiting[waiting.note.id] = msgspec.structs.replace(waiting, laid=beat, heard=heard)
        return []

    def take(self, note: NoteId) -> Waiting:
        return self._waiting.pop(note)

    def amend(self, delegation: DelegationId, at: Position) -> list[Drop]:
        """The request was corrected: what was computed before that is stale."""
        self._amended[delegation] = at
        return self._drop_unwanted()

    def withdraw(self, delegation: DelegationId) -> list[Drop]:
        self._withdrawn.add(delegation)
        return self._drop_unwanted()

    def expire(self, beat: Beat) -> list[Drop]:
        drops = [Drop(each.note.id, "expired") for each in self._waiting.values() if beat >= each.expires]
        for drop in drops:
            del self._waiting[drop.note]
        return drops

    def _unwanted(self, note: Note) -> str:
        if note.delegation is None:
            return ""
        if note.delegation in self._withdrawn:
            return "withdrawn"
        amended = self._amended.get(note.delegation)
        if amended is not None and note.computed_for is not None and note.computed_for < amended:
            return "stale: computed before the correction"
        return ""

    def _drop_unwanted(self) -> list[Drop]:
        drops = [Drop(each.note.id, reason) for each in self._waiting.values() if (reason := self._unwanted(each.note))]
        for drop in drops:
            del self._waiting[drop.note]
        return drops

    def _displaced(self, newer: Note) -> list[Waiting]:
        return [each for each in self._waiting.values() if _supersedes(newer, each.note)]


def _supersedes(newer: Note, older: Note) -> bool:
    if newer.id == older.id:
        return False
    if newer.key and newer.key == older.key:
        return True
    same_work = newer.delegation is not None and newer.delegation == older.delegation
    return same_work and older.kind is NoteKind.PROGRESS and newer.kind is not NoteKind.PARTIAL
