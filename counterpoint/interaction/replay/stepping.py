"""One session lived through again: the real beat loop, with the log in the place of the person, the stream, the
listener and everybody else who writes.
"""

from collections.abc import Mapping
from typing import assert_never

from counterpoint.interaction.acks import Ack
from counterpoint.interaction.arrivals import Arrival
from counterpoint.interaction.assembly import assemble
from counterpoint.interaction.metronome import Metronome
from counterpoint.interaction.model import Capabilities, Offer, Perceived, Span, Weaving
from counterpoint.interaction.policy import Policy
from counterpoint.interaction.replay.comparison import Comparison
from counterpoint.interaction.replay.course import Course, Moment, Skipped, Stepped, Unlived, Woke, beat_of
from counterpoint.shared_context.entries import (
    OWN_NOTE,
    OWN_STORE,
    OWN_TOO_LATE,
    Closed,
    NoteDropped,
    Opened,
    Stored,
    Terms,
    Turn,
)
from counterpoint.shared_context.expressed import Boundary, Expressed, Floor
from counterpoint.shared_context.ids import Beat, Position
from counterpoint.shared_context.timeline import Timeline


class Unreplayable(Exception):
    """The log does not tell what was taken in next; the reason, in words."""


class _Lost(Exception):
    pass


class _Said:
    """Stands in the place of the stream: expresses what it expressed then. Between recorded steps that was nothing."""

    def __init__(self, failures: frozenset[tuple[Beat, int]]) -> None:
        self._failures = failures
        self._turn: Turn | None = None
        self._floor: Floor | None = None
        self._boundary = Boundary.END

    def next_says(self, turn: Turn | None) -> None:
        self._turn = turn

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:  # noqa: ARG002 (a stream's)
        turn, self._turn = self._turn, None
        if (span.last, span.part) in self._failures:
            self._floor, self._boundary = None, Boundary.END
            raise _Lost
        if turn is None:
            return Expressed(floor=self._floor, boundary=self._boundary)
        self._floor, self._boundary = turn.floor, turn.boundary
        return Expressed(
            text=turn.text,
            audio=bytes(2 * turn.samples),
            understood=turn.understood,
            floor=turn.floor,
            boundary=turn.boundary,
            voiced=turn.voiced,
            unsaid=turn.unsaid,
        )

    async def aclose(self) -> None:
        pass


class Stepping:
    """Raises `Differs` at the first difference, `Ended` and `Unreplayable` where there is no more to compare."""

    def __init__(
        self,
        course: Course,
        comparison: Comparison,
        timeline: Timeline,
        log: Mapping[Position, Stored],
        *,
        opened: Opened,
        terms: Terms,
        policy: Policy,
        epoch: int,
        date: float,
    ) -> None:
        """`date`: when it was opened, as its `Opened` says."""
        capabilities = Capabilities(
            "replay", cadence=terms.cadence, partial=True, weaving=Weaving.MODEL if terms.itself else Weaving.RUNTIME
        )
        self._course = course
        self._comparison = comparison
        self._log = log
        self._said = _Said(course.failures)
        self._loop = assemble(
            timeline,
            opened,
            terms,
            epoch=epoch,
            date=date,
            capabilities=capabilities,
            policy=policy,
            metronome=Metronome(0.0, opened.start),
            open_stream=self._stream,
            stream_failed=self._failed,
            journal=comparison,
        )

    @property
    def beat(self) -> Beat:
        """The next beat to be lived through."""
        return self._loop.next

    async def through(self, until: Beat | None) -> None:
        """To the end of the course, or to the end of a beat."""
        for moment in self._course.moments:
            if until is not None and _begins(moment) > until:
                return await self._silence(Beat(until + 1))
            await self._live(moment)
        await self._end(until)
        return None

    async def _live(self, moment: Moment) -> None:
        await self._silence(_begins(moment))
        if isinstance(moment, Unlived):
            self._leave(moment)
            return
        if self._loop.next != _begins(moment) or self._loop.stopped:
            raise self._comparison.missing(self._loop.next)
        match moment:
            case Woke(arrived=arrived):
                self._arrive(arrived)
                await self._loop.early(0.0)
            case Skipped(gap=gap):
                self._loop.skip(Beat(gap.last + 1), gap.reason)
            case Stepped(beat=beat, turn=turn, arrived=arrived):
                self._arrive(arrived)
                await self._step(beat, turn)
            case _:
                assert_never(moment)

    async def _silence(self, until: Beat) -> None:
        """Steps that left no entry of their own."""
        cadence = self._loop.capabilities.cadence
        while self._loop.next + cadence <= until and not self._loop.stopped:
            await self._grid(cadence)

    async def _step(self, beat: Beat, turn: Turn) -> None:
        for chunk in turn.texts:
            self._loop.intake.push(chunk, 0.0)
        self._loop.wishes.extend(turn.actions)
        self._said.next_says(turn)
        before = self._comparison.head
        if turn.part:
            await self._loop.early(0.0)
        else:
            await self._grid(turn.span)
        await self._drain()
        if before is not None and self._comparison.head is before:
            raise self._comparison.missing(beat)

    async def _grid(self, beats: int) -> None:
        last = Beat(self._loop.next + beats - 1)
        for report in self._course.reports.pop(last, ()):
            self._loop.acks.add(Ack(report.turn, report.part, report.words, report.samples))
        await self._loop.grid(beats)
        await self._drain()

    async def _drain(self) -> None:
        while self._loop.output.waiting:
            await self._loop.output.take()

    async def _end(self, until: Beat | None) -> None:
        """What came of the last steps, and of leaving."""
        closed = self._course.closed
        if closed is None:
            await self._last_steps(until)
            return
        if until is not None and closed > until:
            await self._silence(Beat(until + 1))
            return
        await self._silence(closed)
        for drop in self._loop.leave():
            self._comparison.left(NoteDropped(drop.note, drop.reason))
        head = self._comparison.head
        if head is None or not isinstance(head.entry.body, Closed):
            raise self._comparison.missing(self._loop.next)
        self._comparison.left(head.entry.body)

    async def _last_steps(self, until: Beat | None) -> None:
        """Nobody closed the conversation here: its last entries came out of steps that left no other."""
        while (head := self._comparison.head) is not None and (until is None or beat_of(head) <= until):
            if self._loop.next > beat_of(head) or self._loop.stopped:
                raise self._comparison.missing(self._loop.next)
            await self._silence(Beat(self._loop.next + self._loop.capabilities.cadence))

    def _leave(self, unlived: Unlived) -> None:
        if unlived.cut_off:
            raise Unreplayable("it was left in the midst of a step")
        self._loop.record_unlived()

    def _arrive(self, arrived: tuple[Position, ...]) -> None:
        for position in arrived:
            self._loop.arrivals.add(self._arrival(position))

    def _arrival(self, position: Position) -> Arrival:
        if position == OWN_NOTE and self._course.notes:
            return self._course.notes.popleft()
        if position == OWN_TOO_LATE and self._course.late:
            return self._course.late.popleft()
        if position == OWN_STORE and self._course.stores:
            return self._course.stores.popleft()
        if (stored := self._log.get(position)) is not None:
            return stored
        raise Unreplayable(f"what arrived from position {position} is not in the log")

    async def _stream(self, _: Beat) -> _Said:
        return self._said

    def _failed(self, _: str, beat: Beat) -> None:
        self._comparison.failures(beat)


def _begins(moment: Moment) -> Beat:
    match moment:
        case Woke(beat=beat) | Unlived(beat=beat):
            return beat
        case Skipped(gap=gap):
            return gap.first
        case Stepped():
            return moment.first
        case _:
            assert_never(moment)
