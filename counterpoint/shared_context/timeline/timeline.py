"""The timeline: the in-memory view of a conversation's log, by beat. Pure: entries in, answers out.

It is bounded: the live end keeps every piece whose playback may still be reported, the recent part keeps utterances and
delegations, and of what is older `earlier` keeps a line each.
"""

from typing import Final, assert_never

import msgspec

from counterpoint.config import BEAT_SECONDS, TYPING_HOLDS_BEATS
from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import (
    Amended,
    ApprovalAnswered,
    ApprovalAsked,
    Asked,
    Body,
    Closed,
    Degraded,
    Failed,
    Gap,
    Header,
    Left,
    MediaFault,
    MediaRef,
    NoteDropped,
    NoteLaid,
    Opened,
    Orphaned,
    Paused,
    Played,
    Recovered,
    Resumed,
    Settled,
    Stored,
    Taken,
    TooLate,
    ToolCalled,
    ToolReturned,
    Turn,
    Unheard,
    Unknown,
    Withdrawn,
)
from counterpoint.shared_context.expressed import Boundary, Floor
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, NoteId, Position, SessionId
from counterpoint.shared_context.notes import Note
from counterpoint.shared_context.package import NoteView, Work
from counterpoint.shared_context.resume_token import ResumeToken
from counterpoint.shared_context.timeline.compaction import Earlier
from counterpoint.shared_context.timeline.folding import SNAPSHOT_VERSION, Limits, Memory, TimelineState
from counterpoint.shared_context.timeline.laid_notes import LaidNote
from counterpoint.shared_context.timeline.promised import Wish, after
from counterpoint.shared_context.timeline.rejoining import rejoin
from counterpoint.shared_context.timeline.utterances import Placed, with_overlaps

FOLD_ENTRIES: Final = 100
"""Details are folded away once in so many entries: what an entry costs stays the same on average."""

SESSIONS: Final = 16
"""Sessions of which it is remembered where they began: a listener may come back to any of them."""

LIMITS: Final = Limits()


class Timeline:
    """Feed it every entry once, in order of position; ask it at any time. Not for use by several threads.

    Entries about things that it never saw (or has folded away) and kinds that it does not know change nothing.
    """

    __slots__ = ("_memory", "_state")

    def __init__(self, conversation: ConversationId, limits: Limits = LIMITS) -> None:
        self._over(TimelineState(conversation, limits))

    @classmethod
    def restore(cls, data: bytes) -> "Timeline":
        """The timeline whose `snapshot` this is. Raises `CorruptRecord`."""
        try:
            state = msgspec.msgpack.decode(data, type=TimelineState)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise CorruptRecord(f"these bytes are not a snapshot of a timeline: {error}") from error
        if state.version > SNAPSHOT_VERSION:
            raise CorruptRecord(f"this snapshot has version {state.version}; this code reads up to {SNAPSHOT_VERSION}")
        timeline = cls.__new__(cls)
        timeline._over(state)  # noqa: SLF001 (its own)
        return timeline

    def snapshot(self) -> bytes:
        """Everything this timeline knows, as msgpack: what it stands for ends at `tail`."""
        return msgspec.msgpack.encode(self._state)

    def rename(self, conversation: ConversationId) -> None:
        """It is of another conversation from now on: of one that was taken over from elsewhere under a new id."""
        state = self._state
        state.conversation = conversation
        for work in state.works.values():
            work.delegation = msgspec.structs.replace(work.delegation, conversation=conversation)

    def apply(self, stored: Stored) -> None:
        """Take one entry. A position that was passed already changes nothing."""
        state = self._state
        if stored.position <= state.tail:
            return
        state.tail = stored.position
        header = stored.entry.header
        state.at = max(state.at, header.at)
        if header.beat is not None and header.beat > state.beat:
            state.beat, state.beat_at = header.beat, header.at
        state.promised = after(state.promised, header, stored.entry.body)
        self._take(stored.entry.body, header, stored.position)
        if state.tail >= state.folds_at:
            self._memory.fold()
            state.folds_at = Position(state.tail + FOLD_ENTRIES)

    @property
    def conversation(self) -> ConversationId:
        return self._state.conversation

    @property
    def tail(self) -> Position:
        """Position of the newest entry taken; 0 before the first."""
        return self._state.tail

    @property
    def beat(self) -> Beat:
        """The newest beat that anything is known of."""
        return self._state.beat

    def beat_at(self, date: float) -> Beat:
        """The beat that goes on at a date (seconds since 1970), also while nobody hosts the conversation: at least the
        one after the newest that anything is known of.
        """
        state = self._state
        if not state.tail:
            return Beat(0)
        since = date - state.beat_at if state.beat_at else 0.0
        return Beat(state.beat + 1 + max(0, int(since / BEAT_SECONDS + 1e-6)))

    @property
    def session(self) -> SessionId | None:
        """The newest session; None before the first."""
        return self._state.session

    @property
    def left(self) -> bool:
        """The newest session was left in order: nothing of it is missing here."""
        return self._state.left

    @property
    def epoch(self) -> int:
        return self._state.epoch

    @property
    def instructions(self) -> str:
        return self._state.instructions

    @property
    def closed(self) -> bool:
        return self._state.closed

    @property
    def limits(self) -> Limits:
        return self._state.limits

    @property
    def earlier(self) -> Earlier:
        """What is left of everything that is no longer kept in detail."""
        return self._state.earlier

    @property
    def media(self) -> tuple[MediaRef, ...]:
        return tuple(self._state.media)

    @property
    def typing(self) -> str:
        """What has been typed and not been sent."""
        return self._memory.speech.typing

    @property
    def floor(self) -> Floor:
        """Who is speaking now: the model's report where the last micro-turn has one, else as far as the log tells."""
        state = self._state
        if state.floor is not None:
            return state.floor
        typing = state.beat <= state.typed + TYPING_HOLDS_BEATS and bool(self.typing)
        person, agent = typing or state.beat <= state.spoke, state.boundary is not Boundary.END
        if person:
            return Floor.BOTH if agent else Floor.PERSON
        return Floor.AGENT if agent else Floor.OPEN

    @property
    def next_delegation(self) -> int:
        """The number of the next delegation: ids are "d1", "d2", ..."""
        return self._state.next_delegation

    def promised(self) -> tuple[Wish, ...]:
        """What the agent wished in the newest micro-turn and nothing is written of yet: its host may have died."""
        return self._state.promised.wishes

    def unsettled(self) -> tuple[Delegation, ...]:
        """Delegations that somebody still works on, or should, in the order in which they were asked for."""
        return self._memory.unsettled()

    def utterances(self) -> list[Placed]:
        """What both sides said, in order of time, each with the log position at which it began."""
        return with_overlaps([*self._state.recent, *self._memory.speech.utterances()])

    def work(self, delegation: DelegationId) -> Work | None:
        work = self._state.works.get(delegation)
        return None if work is None else self._memory.work_view(work)

    def works(self) -> tuple[Work, ...]:
        """All delegations in the order in which they were asked for, except those that only `earlier` tells of."""
        return tuple(self._memory.work_view(work) for work in self._state.works.values())

    def note(self, note: NoteId) -> LaidNote | None:
        return self._memory.notes.look(note, self._memory.speech)

    def pending_notes(self) -> tuple[LaidNote, ...]:
        """Notes that may still have to be said, oldest first. Whether they have expired is for the host to say."""
        laid = (self.note(note) for note in self._state.notes)
        return tuple(each for each in laid if each is not None and each.pending)

    def told_notes(self) -> tuple[Note, ...]:
        """Notes that were heard to their end, as far as they are remembered, oldest first."""
        laid = (self.note(note) for note in self._state.notes)
        return tuple(each.note for each in laid if each is not None and not each.dropped and each.told)

    def corrected(self, delegation: DelegationId) -> Position | None:
        """The newest correction of a delegation: what was computed before it is stale."""
        work = self._state.works.get(delegation)
        return work.corrected if work is not None else None

    @property
    def last_words(self) -> Beat:
        """The newest beat in which the person was heard, or typed."""
        return max(self._state.spoke, self._state.typed)

    def rejoin(self, token: ResumeToken) -> Unheard | None:
        """A listener came back: what it has played was heard, and what came after never will be. Returns the latter, if
        that is news. Reports of what was played stay; what was only assumed does not.
        """
        return rejoin(token, self._state.sessions, self._memory.speech, self._memory.notes)

    def loose_notes(self) -> tuple[NoteView, ...]:
        """Notes that belong to no delegation: the application's."""
        return self._memory.note_views(self._state.loose)

    def _over(self, state: TimelineState) -> None:
        self._state = state
        self._memory = Memory(state)

    def _take(self, body: Body, header: Header, position: Position) -> None:
        match body:
            case Turn():
                self._turn(body, self._state.beat if header.beat is None else header.beat, position)
            case Played():
                self._memory.speech.played(body)
            case NoteLaid():
                self._laid(body.note, header, position)
            case NoteDropped():
                self._memory.notes.drop(body.note, body.reason)
            case Asked():
                self._asked(body.delegation, position)
            case (
                Amended()
                | Withdrawn()
                | Taken()
                | Settled()
                | ToolCalled()
                | ToolReturned()
                | ApprovalAsked()
                | ApprovalAnswered()
            ):
                self._memory.works.apply(body, position)
            case Opened():
                self._opened(body, header)
            case Closed():
                self._closed(body.reason)
            case Gap():
                if body.last >= self._state.beat:
                    self._state.beat, self._state.beat_at = body.last, header.at
            case Left():
                self._state.left = True
            case MediaFault() | Degraded() | Recovered() | Paused() | Resumed() | Failed():
                pass
            case TooLate() | Orphaned() | Unknown():
                pass
            case _:
                assert_never(body)

    def _laid(self, note: Note, header: Header, position: Position) -> None:
        memory = self._memory
        if note.id in self._state.notes:
            return
        memory.notes.lay(note, position, self._state.beat, header.at)
        if note.delegation is None or not memory.works.note(note.delegation, note.id):
            self._state.loose.append(note.id)

    def _turn(self, turn: Turn, beat: Beat, position: Position) -> None:
        state = self._state
        self._memory.speech.take(turn, beat, position)
        if turn.woven or turn.voiced:
            self._memory.notes.take(turn, beat)
        if turn.media:
            state.media += turn.media
            del state.media[: -state.limits.media]
        state.floor, state.boundary = turn.floor, turn.boundary
        if turn.understood or any(not chunk.typed for chunk in turn.texts):
            state.spoke = beat
        if any(chunk.typed and not chunk.done for chunk in turn.texts):
            state.typed = beat

    def _asked(self, delegation: Delegation, position: Position) -> None:
        self._memory.works.ask(delegation, self._state.beat, position)
        number = delegation.id[1:]
        if delegation.id[:1] == "d" and number.isdecimal() and len(number) < 12:
            self._state.next_delegation = max(self._state.next_delegation, int(number) + 1)

    def _opened(self, opened: Opened, header: Header) -> None:
        state = self._state
        if opened.token is not None:
            self.rejoin(opened.token)
        state.session, state.epoch, state.left = opened.session, header.epoch, False
        state.sessions[opened.session] = opened.start
        if len(state.sessions) > SESSIONS:
            del state.sessions[next(iter(state.sessions))]
        state.instructions = opened.instructions or state.instructions
        if opened.start >= state.beat:
            state.beat, state.beat_at = opened.start, header.at + BEAT_SECONDS
        state.floor, state.boundary = None, Boundary.END
        self._memory.speech.interrupt()

    def _closed(self, reason: str) -> None:
        self._state.closed = True
        self._state.floor, self._state.boundary = None, Boundary.END
        self._memory.works.withdraw_all(reason or "the conversation was closed")
