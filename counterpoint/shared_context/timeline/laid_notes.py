"""Notes as the log tells of them: laid, offered, voiced, heard, dropped, superseded. It decides nothing."""

from collections.abc import Collection, Mapping

import msgspec

from counterpoint.shared_context.entries import Turn
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.hearing import heard_of_voiced
from counterpoint.shared_context.ids import Beat, NoteId, Position
from counterpoint.shared_context.notes import Delivery, Note
from counterpoint.shared_context.package import NoteView
from counterpoint.shared_context.timeline.speech import Speech
from counterpoint.shared_context.timeline.utterances import Piece

GRACE_SECONDS = 60.0
"""How much longer than its time to live a note is kept for the report that it was dropped."""

Ranges = list[tuple[int, int]]
"""Characters from, and up to but not including; sorted, apart from each other."""


class LaidNote(msgspec.Struct, frozen=True):
    """A note and how far it got. `beat`: the conversation's last beat when it was laid; `at`: seconds since 1970.

    `offered`: it has entered a micro-turn. `voiced`, `heard`: characters. `pending`: it may still have to be said.
    """

    note: Note
    position: Position
    beat: Beat
    at: float
    offered: bool = False
    voiced: int = 0
    heard: int = 0
    dropped: str = ""

    @property
    def pending(self) -> bool:
        if self.dropped or (self.offered and self.note.delivery is Delivery.SILENT):
            return False
        return self.heard < len(self.note.text.rstrip())

    @property
    def told(self) -> bool:
        """It was heard to its end."""
        return self.heard >= len(self.note.text.rstrip()) > 0

    @property
    def view(self) -> NoteView:
        note = self.note
        kind = note.kind.value
        return NoteView(note.id, note.text, kind, self.voiced, self.heard, self.dropped, self.beat, note.sources)


class NoteState(msgspec.Struct, omit_defaults=True):
    """`said`: the micro-turns that voiced some of it; those that are folded away stand in `heard`."""

    note: Note
    position: Position
    beat: Beat
    at: float
    offered: bool = False
    dropped: str = ""
    superseded: NoteId | None = None
    said: list[tuple[Beat, int]] = []
    voiced: Ranges = []
    heard: Ranges = []


class LaidNotes:
    """All notes that a timeline still remembers, by id, in the order in which they were laid."""

    __slots__ = ("_newest", "state")

    def __init__(self, state: dict[NoteId, NoteState]) -> None:
        self.state = state
        self._newest = {each.note.key: note for note, each in state.items() if each.note.key}

    def lay(self, note: Note, position: Position, beat: Beat, at: float) -> None:
        if note.key:
            older = self.state.get(self._newest.get(note.key, note.id))
            if older is not None and older.superseded is None:
                older.superseded = note.id
            self._newest[note.key] = note.id
        self.state[note.id] = NoteState(note, position, beat, at)

    def drop(self, note: NoteId, reason: str) -> None:
        if (state := self.state.get(note)) is not None:
            state.dropped = reason or "dropped"

    def take(self, turn: Turn, beat: Beat) -> None:
        for note in turn.woven:
            if (state := self.state.get(note)) is not None:
                state.offered = True
        for voiced in turn.voiced:
            if (state := self.state.get(voiced.note)) is not None:
                state.offered = True
                _include(state.voiced, voiced.start, voiced.end)
                state.said.append((beat, turn.part))

    def look(self, note: NoteId, speech: Speech) -> LaidNote | None:
        if (state := self.state.get(note)) is None:
            return None
        voiced, heard = _characters(state.voiced), _characters(_heard(state, speech))
        dropped = state.dropped
        if not dropped and state.superseded is not None and not voiced:
            dropped = f"superseded by {state.superseded}"
        length = len(state.note.text)
        return LaidNote(
            state.note,
            state.position,
            state.beat,
            state.at,
            state.offered,
            min(voiced, length),
            min(heard, length),
            dropped,
        )

    def closed(self, note: NoteId, speech: Speech, at: float) -> bool:
        """Nothing more is to be expected of it."""
        laid = self.look(note, speech)
        return laid is None or not laid.pending or at > laid.at + laid.note.ttl + GRACE_SECONDS

    def folded(self, piece: Piece) -> None:
        """A micro-turn is folded away: what was heard of the notes in it is final, if that was not judged before."""
        key = (piece.beat, piece.part)
        for voiced in piece.voiced:
            state = self.state.get(voiced.note)
            if state is not None and key in state.said:
                _include(state.heard, *_heard_in(piece, voiced, piece.heard))
        for voiced in piece.voiced:
            if (state := self.state.get(voiced.note)) is not None:
                state.said = [each for each in state.said if each != key]

    def rejoin(self, offsets: Mapping[NoteId, int], pieces: Collection[Piece]) -> None:
        """How far each note was heard, in place of what is known of `pieces` beyond the listener's own reports."""
        judged = {(piece.beat, piece.part) for piece in pieces}
        for note, state in self.state.items():
            if note not in offsets and judged.isdisjoint(state.said):
                continue
            for piece in pieces:
                for voiced in piece.voiced:
                    if voiced.note == note:
                        _include(state.heard, *_heard_in(piece, voiced, piece.reported))
            _include(state.heard, 0, min(offsets.get(note, 0), len(state.note.text)))
            state.said = [key for key in state.said if key not in judged]

    def forget(self, note: NoteId) -> None:
        state = self.state.pop(note, None)
        if state is not None and self._newest.get(state.note.key) == note:
            del self._newest[state.note.key]


def _heard(state: NoteState, speech: Speech) -> Ranges:
    heard = list(state.heard)
    for beat, part in state.said:
        if (piece := speech.piece(beat, part)) is not None:
            for voiced in piece.voiced:
                if voiced.note == state.note.id:
                    _include(heard, *_heard_in(piece, voiced, piece.heard))
    return heard


def _heard_in(piece: Piece, voiced: Voiced, heard: int) -> tuple[int, int]:
    if not piece.text and not heard:
        return voiced.start, voiced.start
    return voiced.start, heard_of_voiced(voiced.start, voiced.end, voiced.text_start, piece.text, heard)


def _include(ranges: Ranges, start: int, end: int) -> None:
    """Add a range; those that touch become one."""
    if start >= end:
        return
    touching = [each for each in ranges if each[0] <= end and each[1] >= start]
    apart = [each for each in ranges if each[0] > end or each[1] < start]
    if touching:
        start, end = min(start, touching[0][0]), max(end, touching[-1][1])
    ranges[:] = sorted([*apart, (start, end)])


def _characters(ranges: Ranges) -> int:
    return sum(end - start for start, end in ranges)
