"""Writes a conversation's log entry by entry and keeps its timeline, so that tests read as what happened when."""

from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Body,
    Entry,
    Header,
    NoteLaid,
    Opened,
    Played,
    Role,
    Settled,
    Stored,
    Taken,
    ToolCalled,
    ToolReturned,
    Turn,
)
from counterpoint.shared_context.expressed import Boundary, Voiced
from counterpoint.shared_context.ids import Beat, CallId, ConversationId, DelegationId, NoteId, Position, WriterId
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.package import ContextPackage, Speaker
from counterpoint.shared_context.packing import package_of
from counterpoint.shared_context.timeline import Timeline
from counterpoint.shared_context.timeline.folding import Limits

CONVERSATION = ConversationId("station")


class Logbook:
    def __init__(self, limits: Limits | None = None) -> None:
        self.timeline = Timeline(CONVERSATION, limits or Limits())
        self.entries: list[Stored] = []
        self.seconds = 0.0

    def add(self, body: Body, beat: int | None = None, role: Role = Role.HOST, at: float | None = None) -> Position:
        position = Position(self.timeline.tail + 1)
        self.seconds = max(self.seconds, (beat or 0) * 0.2) if at is None else at
        epoch = body.start + 1 if isinstance(body, Opened) else 1
        header = Header(role, WriterId(role.value), epoch, position, self.seconds, None if beat is None else Beat(beat))
        stored = Stored(position, Entry(header, body))
        self.entries.append(stored)
        self.timeline.apply(stored)
        return position

    def person(self, text: str, beat: int, **fields: object) -> Position:
        """Words recognised by somebody's ears."""
        return self.add(Turn(texts=(TextChunk(text, typed=False),), **fields), beat)

    def types(self, text: str, beat: int, *, done: bool = True) -> Position:
        return self.add(Turn(texts=(TextChunk(text, done=done),)), beat)

    def agent(self, text: str, beat: int, **fields: object) -> Position:
        return self.add(Turn(text=text, boundary=fields.pop("boundary", Boundary.WORD), **fields), beat)

    def speaks(self, text: str, first: int) -> int:
        """The agent says a word a beat, the listener plays all of it. Returns the last beat."""
        for beat, word in enumerate(text.split(), first):
            self.agent((" " if beat > first else "") + word, beat)
            self.played(beat)
        return first + len(text.split()) - 1

    def played(self, turn: int, part: int = 0, **fields: object) -> Position:
        return self.add(Played(Beat(turn), part, **fields), turn + 2)

    def asks(self, delegation: str, request: str, beat: int) -> Position:
        return self.add(Asked(Delegation(DelegationId(delegation), CONVERSATION, request)), beat)

    def takes(self, delegation: str) -> Position:
        return self.add(Taken(DelegationId(delegation)), role=Role.WORKER)

    def corrects(self, delegation: str, text: str, beat: int) -> Position:
        return self.add(Amended(DelegationId(delegation), text), beat)

    def calls(
        self, delegation: str, call: str, tool: str = "search", arguments: str = '{"q": "trains"}', **fields: object
    ) -> Position:
        body = ToolCalled(DelegationId(delegation), CallId(call), tool, arguments, **fields)
        return self.add(body, role=Role.WORKER)

    def returns(self, delegation: str, call: str, result: str, **fields: object) -> Position:
        return self.add(ToolReturned(DelegationId(delegation), CallId(call), result, **fields), role=Role.WORKER)

    def finds(self, note: str, text: str, delegation: str | None = None, **fields: object) -> Position:
        kind = fields.pop("kind", NoteKind.RESULT)
        owner = None if delegation is None else DelegationId(delegation)
        return self.add(NoteLaid(Note(NoteId(note), kind, text, owner, **fields)), role=Role.WORKER)

    def settles(self, delegation: str, state: DelegationState = DelegationState.DONE, reason: str = "") -> Position:
        return self.add(Settled(DelegationId(delegation), state, reason), role=Role.WORKER)

    def package(self, **how: object) -> ContextPackage:
        return package_of(self.timeline, **how)

    def said(self, speaker: Speaker) -> list[str]:
        return [each.text for each in self.package().utterances if each.speaker is speaker]


def voiced(note: str, start: int, end: int, text_start: int = 0) -> tuple[Voiced, ...]:
    return (Voiced(NoteId(note), start, end, text_start),)
