"""The beat loop: the only writer of a session's state. Each beat it takes in, weaves, steps the stream, and sends out.

Two awaits per beat: the metronome and the stream. It never waits for the store or for the listener.
"""

from collections import deque

import anyio

from counterpoint.config import GAP_BEATS
from counterpoint.interaction.acks import Acks
from counterpoint.interaction.arrivals import Arrivals
from counterpoint.interaction.delegations import Delegations
from counterpoint.interaction.intake import Cut, Intake
from counterpoint.interaction.journal import Writing
from counterpoint.interaction.metronome import Metronome
from counterpoint.interaction.model import Capabilities, Perceived, Span
from counterpoint.interaction.output import Output
from counterpoint.interaction.playback import Playback
from counterpoint.interaction.recording import Recorder, micro_turn, turn_of
from counterpoint.interaction.stream_keeper import StreamKeeper
from counterpoint.interaction.traces import Traces
from counterpoint.interaction.tray import Drop
from counterpoint.interaction.weaver import NOTHING, Weaver, Weaving
from counterpoint.shared_context.entries import Failed, Gap, NoteDropped, Turn
from counterpoint.shared_context.expressed import Action, End, Expressed, Floor, Yield
from counterpoint.shared_context.ids import Beat

IDLE = "idle"
"""The reason of a pause that the loop takes by itself; anything that comes in ends it."""

MAX_PARTS = 20
"""Early steps within one beat: a burst of keys or notes must not keep the model from the grid."""

FAREWELL_BEATS = 150
"""After the model's `End`, how long the conversation waits for what was promised (30 s)."""


class BeatLoop:
    """Everything of one live session that changes from beat to beat."""

    def __init__(
        self,
        *,
        capabilities: Capabilities,
        stream: StreamKeeper,
        metronome: Metronome,
        intake: Intake,
        weaver: Weaver,
        playback: Playback,
        delegations: Delegations,
        arrivals: Arrivals,
        journal: Writing,
        output: Output,
        first: Beat,
        idle_beats: int | None = None,
        traces: Traces | None = None,
    ) -> None:
        """`traces` is told of every step; a replay has none."""
        self.capabilities = capabilities
        self.metronome = metronome
        self.intake = intake
        self.weaver = weaver
        self.playback = playback
        self.delegations = delegations
        self.arrivals = arrivals
        self.journal = journal
        self.output = output
        self.acks = Acks()
        self.wishes: deque[Action] = deque()
        self.next = first
        self._stream = stream
        self._recorder = Recorder(capabilities.cadence)
        self._traces = traces
        self._part = 0
        self._held = NOTHING
        self._gap: Gap | None = None
        self._paused = ""
        self._stopping = False
        self._farewell: Beat | None = None
        self._idle_beats = idle_beats
        self._active = first

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
                await self.early(now)
        else:
            beats = due - due % cadence
            if beats > GAP_BEATS:
                self.skip(Beat(self.next + beats - cadence), "the host stood still")
                beats = cadence
            await self.grid(beats)

    async def _sleep(self) -> None:
        """While paused nothing is lived through; what is typed waits."""
        while self._paused and not self._stopping:
            await self.metronome.bell.wait()
            self.metronome.bell.reset()
        going = self.metronome.beat_at(anyio.current_time())
        if going > self.next:
            self.skip(going, "paused")

    def skip(self, to: Beat, reason: str) -> None:
        """Go on at a later beat; those in between were not lived through."""
        gap = Gap(self.next, Beat(to - 1), reason)
        self.journal.write(gap, gap.first)
        self._gap = gap
        self.next = to
        self._active = max(self._active, to)

    async def grid(self, beats: int) -> None:
        """The step on the grid, over so many beats."""
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

    async def early(self, now: float) -> None:
        """Take in what is there within the beat; a step comes of it if the model has to do with it."""
        if not (self.intake.waiting or self.arrivals.waiting or self.wishes):
            return
        beat = self.next
        texts = self.intake.early(self.metronome.since_start(now))
        self.arrivals.take(beat)
        self._held = _joined(self._held, self.weaver.weave(beat, texts))
        if texts or self._held.offers or self.wishes:
            self._part += 1
            weaving, self._held = self._held, NOTHING
            await self._step(Span(beat, 0, self._part), Cut(beat, texts), weaving)
        else:
            self.arrivals.woke(beat)

    def leave(self) -> tuple[Drop, ...]:
        """The conversation ends: every note that was not heard, with the reason."""
        return (*self._held.drops, *self.weaver.leave("the conversation ended"))

    def record_unlived(self) -> None:
        """What was taken in after the last step belongs to the log as well, and what the application laid since."""
        if self.arrivals.laid:
            self.arrivals.take(self.next)
        if arrived := self.arrivals.positions():
            turn = Turn(span=0, arrived=arrived, wakes=self.arrivals.wakes(), decisions=self._held.decisions)
            self.journal.write(turn, self.next)

    async def _step(self, span: Span, cut: Cut, weaving: Weaving) -> None:
        began = anyio.current_time()
        late = max(0.0, began - self.metronome.end_of(span.last)) if span.beats else 0.0
        perceived = Perceived(cut.texts, cut.audio, cut.frames, self.playback.unheard(), self.arrivals.news())
        expressed = await self._stream.step(perceived, weaving.offers, span)
        if self._traces is not None:
            ended = anyio.current_time()
            self._traces.stepped(late, ended - began, span.beats, ended)
        self._live_through(span, perceived, weaving, expressed, late)

    def _live_through(
        self, span: Span, perceived: Perceived, weaving: Weaving, expressed: Expressed, late: float
    ) -> None:
        """What a step comes to: speech that is on its way, wishes that take effect, a record, a micro-turn."""
        beat = span.last
        voiced = self.weaver.expressed(expressed, beat)
        samples = len(expressed.audio) // 2
        self.playback.expressed(beat, span.part, span.beats, expressed.text, samples, voiced)
        wishes = (*self.wishes, *expressed.actions)
        self.wishes.clear()
        arrived, wakes = self.arrivals.positions(), self.arrivals.wakes()
        turn = turn_of(span, perceived, weaving, expressed, voiced, wishes, arrived, wakes)
        if turn.flush:
            self.playback.flush(beat, span.part)
        self._record(turn, beat, expressed.failed, weaving.drops)
        for wish in wishes:
            self._do(wish, beat)
        floor = self.weaver.floor.at(beat)
        if floor is not Floor.OPEN or weaving is not NOTHING:
            self._active = beat
        gap, self._gap = self._gap, None
        self.output.put(micro_turn(turn, beat, weaving, expressed, floor, gap, late))

    def _record(self, turn: Turn, beat: Beat, failed: str, drops: tuple[Drop, ...]) -> None:
        if self._recorder.is_news(turn):
            self.journal.write(turn, beat)
        if failed:
            self.journal.write(Failed("model", failed), beat)
        for drop in drops:
            self.journal.write(NoteDropped(drop.note, drop.reason), beat)
            self.arrivals.dropped(drop, beat)

    def _do(self, wish: Action, beat: Beat) -> None:
        if isinstance(wish, End):
            self._farewell = self._farewell or Beat(beat + FAREWELL_BEATS)
        elif not isinstance(wish, Yield):
            self.arrivals.wishes.grant(wish, beat)

    def _settle_playback(self, beat: Beat) -> None:
        for ack in self.acks.take():
            for body in self.playback.played(ack.beat, ack.part, words=ack.words, samples=ack.samples, now=beat):
                self.journal.write(body, beat)
        for body in self.playback.tick(beat):
            self.journal.write(body, beat)
        for hearing in self.playback.hearings():
            if hearing.cut:
                self.weaver.cut(hearing.note, hearing.heard, beat)
            else:
                self.weaver.heard(hearing.note, hearing.heard)

    def _consider_ending(self) -> None:
        if self._farewell is not None:
            kept = not self.delegations.unsettled and self.weaver.idle and self.playback.settled
            if kept or self.next > self._farewell:
                self.stop()
        if self._idle_beats is not None and self.next - self._active > self._idle_beats and self.at_rest:
            self.pause(IDLE)

    @property
    def at_rest(self) -> bool:
        """Nobody speaks, nothing waits, nothing is being worked on."""
        return (
            self.weaver.idle
            and self.weaver.floor.at(self.next) is Floor.OPEN
            and self.playback.settled
            and not self.delegations.unsettled
            and not self.intake.waiting
            and not self.intake.live_media
        )


def _joined(held: Weaving, new: Weaving) -> Weaving:
    if held is NOTHING:
        return new
    return Weaving(held.offers + new.offers, held.decisions + new.decisions, held.drops + new.drops)
