"""The beat loop: the only writer of a session's state. Each beat it takes in, weaves, steps the stream, and sends out.

Two awaits per beat: the metronome and the stream. It never waits for the store or for the listener.
"""

from collections import deque
from collections.abc import Awaitable, Callable

import anyio
import msgspec

from counterpoint import telemetry
from counterpoint.config import BEAT_SECONDS, GAP_BEATS
from counterpoint.errors import ModelFailed
from counterpoint.interaction.arrivals import Arrivals
from counterpoint.interaction.delegations import Delegations, Refused
from counterpoint.interaction.intake import Cut, Intake
from counterpoint.interaction.journal import Journal
from counterpoint.interaction.metronome import Metronome
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.model import Capabilities, Perceived, Span, Stream
from counterpoint.interaction.output import Output
from counterpoint.interaction.playback import Playback
from counterpoint.interaction.weaver import NOTHING, Weaver, Weaving
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import Failed, Gap, NoteDropped, Turn
from counterpoint.shared_context.expressed import (
    SILENCE,
    Action,
    Amend,
    Boundary,
    Delegate,
    End,
    Expressed,
    Floor,
    Withdraw,
    Yield,
)
from counterpoint.shared_context.ids import Beat

IDLE = "idle"
"""The reason of a pause that the loop takes by itself; anything that comes in ends it."""

MAX_PARTS = 20
"""Early steps within one beat: a burst of keys or notes must not keep the model from the grid."""

MAX_STREAM_FAILURES = 3
"""A stream that failed this often in a row ends the session."""

FAREWELL_BEATS = 150
"""After the model's `End`, how long the conversation waits for what was promised (30 s)."""


class Ack(msgspec.Struct, frozen=True):
    """The listener played this micro-turn up to there."""

    beat: Beat
    part: int
    words: int | None
    samples: int | None


class BeatLoop:
    """Everything of one live session that changes from beat to beat."""

    def __init__(
        self,
        *,
        capabilities: Capabilities,
        open_stream: Callable[[Beat], Awaitable[Stream]],
        metronome: Metronome,
        intake: Intake,
        weaver: Weaver,
        playback: Playback,
        delegations: Delegations,
        arrivals: Arrivals,
        journal: Journal,
        output: Output,
        first: Beat,
        idle_beats: int | None = None,
    ) -> None:
        self.capabilities = capabilities
        self.metronome = metronome
        self.intake = intake
        self.weaver = weaver
        self.playback = playback
        self.delegations = delegations
        self.arrivals = arrivals
        self.journal = journal
        self.output = output
        self.acks: deque[Ack] = deque()
        self.wishes: deque[Action] = deque()
        self.next = first
        self._open_stream = open_stream
        self._stream: Stream | None = None
        self._failures = 0
        self._owed: tuple[TextChunk, ...] = ()
        self._part = 0
        self._held = NOTHING
        self._gap: Gap | None = None
        self._paused = ""
        self._stopping = False
        self._farewell: Beat | None = None
        self._idle_beats = idle_beats
        self._active = first
        self._recorded_floor: Floor | None = None
        self._recorded_boundary = Boundary.END

    async def run(self) -> None:
        """Live until `stop`, or until the model has ended the conversation and what was promised is delivered."""
        try:
            while not self._stopping:
                last = Beat(self.next + self.capabilities.cadence - 1)
                await self.metronome.until_end_of(last)
                self.metronome.bell.reset()
                if self._stopping:
                    break
                await self._wake(anyio.current_time())
        finally:
            if self._stream is not None:
                with anyio.CancelScope(shield=True):
                    await self._stream.aclose()

    @property
    def stopped(self) -> bool:
        return self._stopping

    @property
    def paused(self) -> bool:
        return bool(self._paused)

    def stop(self) -> None:
        self._stopping = True
        self.metronome.bell.ring()

    def pause(self, reason: str) -> None:
        self._paused = reason

    def resume(self) -> None:
        self._paused = ""
        self.metronome.bell.ring()

    def stir(self) -> None:
        """Something came in that may not have to wait for the grid; it also ends a pause for want of anything to do."""
        if self._paused == IDLE:
            self.resume()
        elif self.capabilities.partial:
            self.metronome.bell.ring()

    async def _wake(self, now: float) -> None:
        due = self.metronome.beat_at(now) - self.next
        cadence = self.capabilities.cadence
        if self._paused:
            await self._sleep()
        elif due < cadence:
            if self.capabilities.partial and not self.intake.live_media and self._part < MAX_PARTS:
                await self._early(now)
        else:
            beats = due - due % cadence
            if beats > GAP_BEATS:
                self._skip(Beat(self.next + beats - cadence), "the host stood still")
                beats = cadence
            await self._grid(beats)

    async def _sleep(self) -> None:
        """While paused nothing is lived through; what is typed waits."""
        while self._paused and not self._stopping:
            await self.metronome.bell.wait()
            self.metronome.bell.reset()
        going = self.metronome.beat_at(anyio.current_time())
        if going > self.next:
            self._skip(going, "paused")

    def _skip(self, to: Beat, reason: str) -> None:
        gap = Gap(self.next, Beat(to - 1), reason)
        self.journal.write(gap, gap.first)
        self._gap = gap
        self.next = to
        self._active = max(self._active, to)

    async def _grid(self, beats: int) -> None:
        span = Span(self.next, beats)
        cut = self.intake.cut(span.first, beats, self.metronome.since_start(self.metronome.end_of(span.last)))
        for fault in cut.faults:
            self.journal.write(fault, span.last)
        self._settle_playback(span.last)
        self.arrivals.take(span.last)
        weaving = _joined(self._held, self.weaver.weave(span.last, cut.texts))
        self._held = NOTHING
        await self._step(span, cut, weaving)
        self.next = Beat(span.last + 1)
        self._part = 0
        self._consider_ending()

    async def _early(self, now: float) -> None:
        if not (self.intake.waiting or self.arrivals.waiting or self.wishes):
            return
        beat = self.next
        texts = self.intake.early(now)
        self.arrivals.take(beat)
        self._held = _joined(self._held, self.weaver.weave(beat, texts))
        if texts or self._held.offers or self.wishes:
            self._part += 1
            weaving, self._held = self._held, NOTHING
            await self._step(Span(beat, 0, self._part), Cut(texts=texts), weaving)

    async def _step(self, span: Span, cut: Cut, weaving: Weaving) -> None:
        began = anyio.current_time()
        late = max(0.0, began - self.metronome.end_of(span.last)) if span.beats else 0.0
        unheard = self.playback.unheard()
        news = self.arrivals.news()
        perceived = Perceived((*self._owed, *cut.texts), cut.audio, cut.frames, unheard, news)
        expressed = await self._express(perceived, weaving, span)
        beat = span.last
        voiced = self.weaver.expressed(expressed, beat)
        if expressed.text or expressed.audio:
            self.playback.expressed(beat, span.part, span.beats, expressed.text, self._samples(expressed), voiced)
        wishes = (*self.wishes, *expressed.actions)
        self.wishes.clear()
        flush = any(isinstance(each, Yield) for each in wishes)
        if flush:
            self.playback.flush(beat)
        turn = Turn(
            part=span.part,
            span=span.beats,
            texts=cut.texts,
            arrived=self.arrivals.positions(),
            unheard=unheard,
            woven=tuple(offer.note.id for offer in weaving.offers),
            text=expressed.text,
            samples=self._samples(expressed),
            understood=expressed.understood,
            floor=expressed.floor,
            boundary=expressed.boundary,
            voiced=voiced,
            actions=wishes,
            unsaid=expressed.unsaid,
            flush=flush,
            decisions=weaving.decisions,
        )
        self._record(turn, beat)
        for drop in weaving.drops:
            self.journal.write(NoteDropped(drop.note, drop.reason), beat)
            self.arrivals.dropped(drop, beat)
        for wish in wishes:
            self._do(wish, beat)
        floor = self.weaver.floor.at(beat)
        if floor is not Floor.OPEN or weaving is not NOTHING:
            self._active = beat
        self._send(turn, expressed, weaving, floor, beat, late)
        telemetry.beat_lag.record(late)
        telemetry.beat_duration.record(anyio.current_time() - began)

    def _send(
        self, turn: Turn, expressed: Expressed, weaving: Weaving, floor: Floor, beat: Beat, late: float
    ) -> None:
        gap, self._gap = self._gap, None
        self.output.put(
            MicroTurn(
                beat=beat,
                part=turn.part,
                span=turn.span,
                text=turn.text,
                audio=expressed.audio,
                understood=turn.understood,
                floor=floor,
                boundary=turn.boundary,
                woven=tuple(offer.note for offer in weaving.offers),
                voiced=turn.voiced,
                actions=turn.actions,
                decisions=turn.decisions,
                unsaid=turn.unsaid,
                flush=turn.flush,
                gap=gap,
                late=late,
            )
        )

    async def _express(self, perceived: Perceived, weaving: Weaving, span: Span) -> Expressed:
        try:
            if self._stream is None:
                self._stream = await self._open_stream(span.first)
            expressed = await self._stream.step(perceived, weaving.offers, span)
        except Exception as error:  # noqa: BLE001 (whatever a model raises, the conversation survives it)
            await self._stream_failed(error, span.last)
            self._owed = perceived.texts
            return SILENCE
        self._failures = 0
        self._owed = ()
        return expressed

    async def _stream_failed(self, error: Exception, beat: Beat) -> None:
        """The stream is given up; the next step opens another from the shared context. Notes go back on the tray."""
        self._failures += 1
        self.journal.write(Failed("stream", f"{type(error).__name__}: {error}"), beat)
        self.weaver.stream_lost()
        if self._stream is not None:
            stream, self._stream = self._stream, None
            try:
                await stream.aclose()
            except Exception as closing:  # noqa: BLE001 (it failed already; this is only for the log)
                self.journal.write(Failed("stream", f"while closing: {closing}"), beat)
        if self._failures >= MAX_STREAM_FAILURES:
            raise ModelFailed(
                f"the interaction model failed {self._failures} times in a row, last with {type(error).__name__}: {error}"
            ) from error

    def _record(self, turn: Turn, beat: Beat) -> None:
        """The log holds no empty micro-turns: only what is said, perceived, decided, or reported anew."""
        reported_anew = turn.floor is not self._recorded_floor or turn.boundary is not self._recorded_boundary
        if reported_anew or _says_something(turn):
            self._recorded_floor = turn.floor
            self._recorded_boundary = turn.boundary
            self.journal.write(turn, beat)

    def _do(self, wish: Action, beat: Beat) -> None:
        match wish:
            case Delegate():
                body = self.delegations.delegate(wish, beat)
            case Amend():
                body = self.delegations.amend(wish, beat)
            case Withdraw():
                body = self.delegations.withdraw(wish)
            case End():
                self._farewell = self._farewell or Beat(beat + FAREWELL_BEATS)
                return
            case Yield():
                return
        if isinstance(body, Refused):
            self.arrivals.refused(wish, body, beat)
        else:
            self.arrivals.wished(body)
            self.journal.write(body, beat)

    def _settle_playback(self, beat: Beat) -> None:
        for ack in self.acks:
            for body in self.playback.played(ack.beat, ack.part, words=ack.words, samples=ack.samples, now=beat):
                self.journal.write(body, beat)
        self.acks.clear()
        for body in self.playback.tick(beat):
            self.journal.write(body, beat)
        for hearing in self.playback.hearings():
            if hearing.cut:
                self.weaver.cut(hearing.note, hearing.heard)
            else:
                self.weaver.heard(hearing.note, hearing.heard)

    def _consider_ending(self) -> None:
        if self._farewell is not None:
            kept = not self.delegations.unsettled and self.weaver.idle and self.playback.settled
            if kept or self.next > self._farewell:
                self.stop()
        if self._idle_beats is not None and self.next - self._active > self._idle_beats and self._at_rest():
            self.pause(IDLE)

    def _at_rest(self) -> bool:
        return (
            self.weaver.idle
            and self.playback.settled
            and not self.delegations.unsettled
            and not self.intake.waiting
            and not self.intake.live_media
        )

    def _samples(self, expressed: Expressed) -> int:
        return len(expressed.audio) // 2


def _says_something(turn: Turn) -> bool:
    return bool(
        turn.texts
        or turn.arrived
        or turn.unheard
        or turn.woven
        or turn.text
        or turn.samples
        or turn.understood
        or turn.voiced
        or turn.actions
        or turn.unsaid
        or turn.decisions
    )


def _joined(held: Weaving, new: Weaving) -> Weaving:
    if held is NOTHING:
        return new
    return Weaving(held.offers + new.offers, held.decisions + new.decisions, held.drops + new.drops)
