"""The course of a session: from what its host wrote, when it lived through what. Pure; it decides nothing.

Steps that left no entry are not named: whoever replays the course takes them in between.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence

import msgspec

from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Body,
    Closed,
    Degraded,
    Failed,
    Gap,
    NoteDropped,
    NoteLaid,
    Played,
    Recovered,
    Stored,
    TooLate,
    Turn,
    Withdrawn,
)
from counterpoint.shared_context.ids import Beat, NoteId, Position
from counterpoint.shared_context.notes import Note

Decided = Turn | Played | Asked | Amended | Withdrawn | TooLate | NoteLaid | NoteDropped | Gap | Closed | Failed
"""Bodies that come out of the beat loop. `Failed` is one of them where the stream failed."""


class Woke(msgspec.Struct, frozen=True):
    """Early in a beat these were taken in, and no step came of it."""

    beat: Beat
    arrived: tuple[Position, ...]


class Stepped(msgspec.Struct, frozen=True):
    """`turn` is what the log has of the step whose last beat is `beat`; `arrived`: what was taken in with it."""

    beat: Beat
    turn: Turn
    arrived: tuple[Position, ...]

    @property
    def first(self) -> Beat:
        return Beat(self.beat - max(self.turn.span, 1) + 1)


class Skipped(msgspec.Struct, frozen=True):
    gap: Gap


class Unlived(msgspec.Struct, frozen=True):
    """The session was left with something taken in after its last step; `cut_off`: in the midst of a step."""

    beat: Beat
    cut_off: bool


Moment = Woke | Stepped | Skipped | Unlived


class Course(msgspec.Struct, frozen=True):
    """`reports`: what the listener said, by the beat in which it was taken into account. `failures`: steps in which the
    stream failed, as last beat and part. `notes`: the application's; `late`: wishes that came too late.
    `stores`: that the store went away or came back. `closed`: the beat at which the conversation was closed.
    """

    moments: tuple[Moment, ...]
    decided: tuple[Stored, ...]
    reports: dict[Beat, list[Played]]
    failures: frozenset[tuple[Beat, int]]
    notes: deque[Note]
    late: deque[TooLate]
    stores: deque[Degraded | Recovered]
    closed: Beat | None


def course_of(entries: Sequence[Stored], epoch: int) -> Course:
    decided = tuple(stored for stored in entries if is_decided(stored.entry.body))
    moments: list[Moment] = []
    reports: dict[Beat, list[Played]] = {}
    for stored in decided:
        beat, body = beat_of(stored), stored.entry.body
        if isinstance(body, Turn):
            _insert_wakes(moments, body)
            moments.append(_moment(beat, body))
        elif isinstance(body, Gap):
            moments.append(Skipped(body))
        elif isinstance(body, Played) and not (body.assumed or body.cut):
            reports.setdefault(beat, []).append(body)
    bodies = [stored.entry.body for stored in decided]
    return Course(
        tuple(moments),
        decided,
        reports,
        frozenset(_failures(decided)),
        deque(body.note for body in bodies if isinstance(body, NoteLaid) and not is_hosts(body.note.id, epoch)),
        deque(body for body in bodies if isinstance(body, TooLate)),
        deque(stored.entry.body for stored in entries if isinstance(stored.entry.body, Degraded | Recovered)),
        next((beat_of(stored) for stored in decided if isinstance(stored.entry.body, Closed)), None),
    )


def is_decided(body: Body) -> bool:
    return isinstance(body, Decided) and not (isinstance(body, Failed) and body.what != "stream")


def is_hosts(note: NoteId, epoch: int) -> bool:
    """The host numbers its own notes; all others that it writes are the application's."""
    return re.fullmatch(rf"h{epoch}\.\d+", note) is not None


def beat_of(stored: Stored) -> Beat:
    return stored.entry.header.beat or Beat(0)


def _moment(beat: Beat, turn: Turn) -> Moment:
    woken = turn.wakes[-1].arrived if turn.wakes else 0
    rest = turn.arrived[woken:]
    if turn.span == 0 and turn.part == 0:
        return Unlived(beat, cut_off=bool(rest))
    return Stepped(beat, turn, rest)


def _insert_wakes(moments: list[Moment], turn: Turn) -> None:
    """A wake came before the beats that were skipped between it and its step."""
    taken = 0
    for wake in turn.wakes:
        at = len(moments)
        while at and isinstance(last := moments[at - 1], Skipped) and last.gap.first >= wake.beat:
            at -= 1
        moments.insert(at, Woke(wake.beat, turn.arrived[taken : wake.arrived]))
        taken = wake.arrived


def _failures(decided: Iterable[Stored]) -> list[tuple[Beat, int]]:
    """A failure stands before the micro-turn of its step; where there is none, it was a step on the grid."""
    failed: list[tuple[Beat, int]] = []
    open_at: Beat | None = None
    for stored in decided:
        beat, body = beat_of(stored), stored.entry.body
        if open_at is not None and (isinstance(body, Turn) or beat != open_at):
            failed.append((open_at, body.part if isinstance(body, Turn) and beat == open_at else 0))
            open_at = None
        if isinstance(body, Failed):
            open_at = beat
    if open_at is not None:
        failed.append((open_at, 0))
    return failed
