"""The notes of one attempt: their ids, keys, sizes. It knows neither store nor clock, and decides nothing.

Keys: newer progress replaces older; a partial note is replaced by nothing but its own retraction; the end (result or
failure) has one key for all attempts. A result after partial notes has only what they did not tell; if they told all
of it, the whole text goes into the context silently, with its sources.
"""

import re
from collections.abc import Sequence

import msgspec

from counterpoint.background.model import Answer
from counterpoint.background.unsaid import unsaid
from counterpoint.config import NOTE_TTL_SECONDS
from counterpoint.shared_context.escaping import shorten
from counterpoint.shared_context.ids import NoteId, Position
from counterpoint.shared_context.notes import Delivery, Note, NoteKind, Source
from counterpoint.shared_context.package import NoteView
from counterpoint.shared_context.store import Lease

_SURROGATES = re.compile("[\\ud800-\\udfff]")


def writable(text: str) -> str:
    """Models break off in the middle of a character; half of one cannot be written anywhere."""
    return _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)


class Notepad:
    """`longest`: characters of one note; what is longer is cut and ends in an ellipsis."""

    def __init__(self, lease: Lease, longest: int) -> None:
        self._delegation = lease.delegation.id
        self._epoch = lease.fence.epoch
        self._longest = longest
        self._count = 0
        self._partials: list[Note] = []

    def progress(self, text: str, upto: Position) -> Note:
        return self._note(NoteKind.PROGRESS, text, upto, key=f"{self._delegation}:progress")

    def partial(
        self,
        text: str,
        upto: Position,
        *,
        delivery: Delivery = Delivery.WHEN_IDLE,
        ttl: float = NOTE_TTL_SECONDS,
        sources: tuple[Source, ...] = (),
    ) -> Note:
        note = self._unreplaced(text, upto, delivery=delivery, ttl=ttl, sources=sources)
        self._partials.append(note)
        return note

    def question(self, text: str, upto: Position, ttl: float) -> Note:
        """Something that only the person can decide; the work waits for it."""
        return self._unreplaced(text, upto, delivery=Delivery.INTERRUPT, ttl=ttl)

    def retraction(self, note: NoteId, text: str, upto: Position) -> Note:
        """Takes the place of a note, if nobody has heard anything of that yet, and is not spoken itself."""
        return self._note(NoteKind.PROGRESS, text, upto, key=str(note), delivery=Delivery.SILENT)

    def result(
        self,
        answer: Answer,
        upto: Position,
        notes: Sequence[NoteView],
        *,
        delivery: Delivery,
        ttl: float,
        corrected: Position,
    ) -> Note:
        """`notes`: how far those of the delegation got. `corrected`: where the request was last corrected, or 0."""
        rest = unsaid(answer.text, self._told(notes))
        corrects = self._contradicted(notes, corrected) if rest else None
        return self._note(
            NoteKind.CORRECTION if corrects else NoteKind.RESULT,
            rest or answer.text,
            upto,
            key=f"{self._delegation}:end",
            delivery=(answer.delivery or delivery) if rest else Delivery.SILENT,
            ttl=ttl,
            sources=answer.sources,
            corrects=corrects,
        )

    def failure(self, text: str, upto: Position) -> Note:
        return self._note(NoteKind.FAILURE, text, upto, key=f"{self._delegation}:end")

    def _note(
        self,
        kind: NoteKind,
        text: str,
        upto: Position,
        *,
        key: str = "",
        delivery: Delivery = Delivery.WHEN_IDLE,
        ttl: float = NOTE_TTL_SECONDS,
        sources: tuple[Source, ...] = (),
        corrects: NoteId | None = None,
    ) -> Note:
        self._count += 1
        return Note(
            NoteId(f"{self._delegation}-{self._epoch}-{self._count}"),
            kind,
            writable(shorten(text.strip(), self._longest)),
            delegation=self._delegation,
            delivery=delivery,
            key=key,
            ttl=ttl,
            computed_for=upto,
            sources=sources,
            corrects=corrects,
        )

    def _unreplaced(
        self, text: str, upto: Position, *, delivery: Delivery, ttl: float, sources: tuple[Source, ...] = ()
    ) -> Note:
        note = self._note(NoteKind.PARTIAL, text, upto, delivery=delivery, ttl=ttl, sources=sources)
        return msgspec.structs.replace(note, key=note.id)

    def _told(self, notes: Sequence[NoteView]) -> list[str]:
        """Texts of partial notes that were or will be spoken, oldest first: this attempt's own, and those of earlier
        attempts that were voiced. What was dropped was not told.
        """
        own = {note.id for note in self._partials}
        dropped = {note.id for note in notes if note.dropped}
        earlier = [note for note in notes if note.voiced and note.kind == NoteKind.PARTIAL.value and note.id not in own]
        spoken = [note for note in self._partials if note.delivery is not Delivery.SILENT and note.id not in dropped]
        return [note.text for note in (*earlier, *spoken)]

    def _contradicted(self, notes: Sequence[NoteView], corrected: Position) -> NoteId | None:
        """The newest partial note that was voiced although it was made for the request as it was before."""
        voiced = {note.id for note in notes if note.voiced}
        outdated = [note for note in self._partials if note.id in voiced and (note.computed_for or 0) < corrected]
        return outdated[-1].id if outdated else None
