"""What a timeline holds, and how that stays bounded: live pieces become utterances, old details become facts."""

from typing import Final

import msgspec

from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import MediaRef
from counterpoint.shared_context.expressed import Boundary, Floor
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, NoteId, Position, SessionId
from counterpoint.shared_context.package import NoteView, Speaker, Work
from counterpoint.shared_context.timeline.compaction import (
    Earlier,
    Fact,
    compacted,
    extended,
    fact_of_note,
    fact_of_utterance,
    fact_of_work,
)
from counterpoint.shared_context.timeline.laid_notes import LaidNotes, NoteState
from counterpoint.shared_context.timeline.promised import NOTHING, Promised
from counterpoint.shared_context.timeline.speech import Speech, SpeechState
from counterpoint.shared_context.timeline.utterances import Placed, Track, utterances_of, with_overlaps
from counterpoint.shared_context.timeline.works import Works, WorkState, view_of

SNAPSHOT_VERSION: Final = 1


class Limits(msgspec.Struct, frozen=True):
    """How much detail is kept: utterances and their characters (64,000 are about an hour of two voices), settled
    delegations and the characters of their calls, notes of no delegation, media, and the characters of `earlier`.
    """

    utterances: int = 1_000
    characters: int = 64_000
    works: int = 32
    work_characters: int = 128_000
    notes: int = 32
    media: int = 32
    earlier: int = 8_000


class TimelineState(msgspec.Struct, omit_defaults=True):
    """All that a timeline holds: this is what a snapshot is made of. `beat_at`: when the newest beat ended. `sessions`:
    their first beats. `left`: the newest was left in order. `loose`: notes of no known delegation.
    """

    conversation: ConversationId
    limits: Limits = Limits()
    version: int = SNAPSHOT_VERSION
    tail: Position = Position(0)
    beat: Beat = Beat(0)
    beat_at: float = 0.0
    at: float = 0.0
    session: SessionId | None = None
    sessions: dict[SessionId, Beat] = msgspec.field(default_factory=dict[SessionId, Beat])
    left: bool = False
    epoch: int = 0
    instructions: str = ""
    closed: bool = False
    floor: Floor | None = None
    boundary: Boundary = Boundary.END
    spoke: Beat = Beat(-1)
    typed: Beat = Beat(-1)
    next_delegation: int = 1
    folds_at: Position = Position(0)
    speech: SpeechState = msgspec.field(default_factory=SpeechState)
    recent: list[Placed] = msgspec.field(default_factory=list[Placed])
    works: dict[DelegationId, WorkState] = msgspec.field(default_factory=dict[DelegationId, WorkState])
    notes: dict[NoteId, NoteState] = msgspec.field(default_factory=dict[NoteId, NoteState])
    loose: list[NoteId] = msgspec.field(default_factory=list[NoteId])
    media: list[MediaRef] = msgspec.field(default_factory=list[MediaRef])
    earlier: Earlier = Earlier()
    promised: Promised = NOTHING


class Memory:
    """A timeline's state together with the indexes over it that a snapshot need not hold."""

    __slots__ = ("notes", "speech", "state", "works")

    def __init__(self, state: TimelineState) -> None:
        self.state = state
        self.speech = Speech(state.speech)
        self.works = Works(state.works)
        self.notes = LaidNotes(state.notes)

    def note_views(self, notes: list[NoteId]) -> tuple[NoteView, ...]:
        laid = (self.notes.look(note, self.speech) for note in notes)
        return tuple(each.view for each in laid if each is not None)

    def work_view(self, work: WorkState) -> Work:
        return view_of(work, self.note_views(work.notes))

    def unsettled(self) -> tuple[Delegation, ...]:
        return tuple(self.works.unsettled())

    def fold(self) -> None:
        """Bring everything back within its limits."""
        self._settle_speech()
        for note in self.works.tidy(self._closed):
            self.notes.forget(note)
        facts = [*self._oldest_utterances(), *self._oldest_works(), *self._oldest_notes()]
        if facts:
            earlier = extended(self.state.earlier, facts)
            limit = self.state.limits.earlier
            self.state.earlier = compacted(earlier, limit * 3 // 4) if earlier.size > limit else earlier

    def _closed(self, note: NoteId) -> bool:
        return self.notes.closed(note, self.speech, self.state.at)

    def _settle_speech(self) -> None:
        for stretch in self.speech.fold(self.state.beat):
            self.state.recent += utterances_of(stretch)
            if stretch.track is Track.AGENT:
                for piece in stretch.pieces:
                    self.notes.folded(piece)

    def _oldest_utterances(self) -> list[Fact]:
        """A quarter of the recent ones at once, so that this is seldom done."""
        state, limits = self.state, self.state.limits
        characters = sum(len(each.utterance.text) for each in state.recent)
        if len(state.recent) <= limits.utterances and characters <= limits.characters:
            return []
        rows, count = with_overlaps(state.recent), 0
        while characters > limits.characters * 3 // 4 or len(rows) - count > limits.utterances * 3 // 4:
            characters -= len(rows[count].utterance.text)
            count += 1
        gone, state.recent = rows[:count], rows[count:]
        self._remember_overlaps(gone)
        return [fact_of_utterance(each.utterance) for each in gone]

    def _remember_overlaps(self, gone: list[Placed]) -> None:
        """What is still live may overlap with what is folded away."""
        for stretch in self.state.speech.live:
            other = Speaker.PERSON if stretch.track is Track.AGENT else Speaker.AGENT
            first = stretch.pieces[0].first
            if any(each.utterance.speaker is other and each.utterance.last >= first for each in gone):
                stretch.overlaps = True

    def _oldest_works(self) -> list[Fact]:
        """Settled, and nothing more is to be expected of their notes."""
        limits = self.state.limits
        settled = [work for work in self.works.state.values() if work.state.settled]
        count, characters = len(settled), sum(work.size for work in settled)
        facts: list[Fact] = []
        for work in settled:
            if count <= limits.works and characters <= limits.work_characters:
                break
            if all(self._closed(note) for note in work.notes):
                count, characters = count - 1, characters - work.size
                facts.append(fact_of_work(self.work_view(work)))
                self._forget(work)
        return facts

    def _forget(self, work: WorkState) -> None:
        del self.works.state[work.delegation.id]
        for note in work.notes:
            self.notes.forget(note)

    def _oldest_notes(self) -> list[Fact]:
        state = self.state
        if len(state.loose) <= state.limits.notes:
            return []
        gone = [note for note in state.loose if self._closed(note)][: len(state.loose) - state.limits.notes]
        facts = [fact_of_note(view) for view in self.note_views(gone)]
        for note in gone:
            self.notes.forget(note)
        kept = set(gone)
        state.loose = [note for note in state.loose if note not in kept]
        return facts
