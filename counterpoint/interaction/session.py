"""A session: a host's live run of a conversation, as the application holds it.

Everything here is sync except iterating: pushing, acknowledging and laying notes never wait.
"""

from collections.abc import AsyncIterator, Callable

import anyio

from counterpoint.errors import ChunkRefused, SessionClosed
from counterpoint.interaction.acks import Ack
from counterpoint.interaction.beat_loop import BeatLoop
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.refusals import check_note
from counterpoint.shared_context.chunks import Chunk, TextChunk
from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.entries import ApprovalAnswered, Paused, Resumed
from counterpoint.shared_context.expressed import Action, Amend, Delegate, Withdraw
from counterpoint.shared_context.ids import Beat, CallId, ConversationId, DelegationId, NoteId, SessionId
from counterpoint.shared_context.notes import Delivery, Note, NoteKind

MAX_REASON = 4_000
"""Characters of why something was approved or not; what is longer is cut."""


class Session:
    """Iterate over it for micro-turns, five a second. Made by `Runtime.session`.

    `token_refused`: why the resume token was of no use; empty if it was, or if there was none.
    """

    def __init__(
        self,
        loop: BeatLoop,
        conversation: ConversationId,
        id: SessionId,
        note_ids: Callable[[], NoteId],
        token_refused: str = "",
    ) -> None:
        self.conversation = conversation
        self.id = id
        self.token_refused = token_refused
        self._loop = loop
        self._note_ids = note_ids
        self._open = True
        self.end_reason = ""

    # What comes in

    def push(self, chunk: Chunk | str) -> None:
        """Take what the person said, typed or showed; a string is a typed line. Never waits.

        Raises `ChunkRefused` (malformed), `InputFull` (text arrives faster than it can be taken) and `SessionClosed`;
        in each case nothing of the chunk was taken.
        """
        self._check_open()
        if isinstance(chunk, str):
            chunk = TextChunk(chunk)
        loop = self._loop
        loop.intake.push(chunk, loop.metronome.since_start(anyio.current_time()))
        if loop.intake.waiting or (loop.paused and loop.intake.live_media):
            loop.stir()

    def played(self, turn: MicroTurn, *, words: int | None = None, samples: int | None = None) -> None:
        """The listener has played this much of a micro-turn; all of it, if neither is given.

        Without any acknowledgement everything is taken as heard after its duration, the horizon and the buffer. Raises
        `ChunkRefused` for what is no number.
        """
        for count in (words, samples):
            if not (count is None or isinstance(count, int)):  # pyright: ignore[reportUnnecessaryIsInstance] (it may come from a client)
                raise ChunkRefused("what was played is counted in whole words or samples")
        if words is None and samples is None:
            words, samples = len(turn.text.split()), len(turn.audio) // 2
        self._loop.acks.report(Ack(turn.beat, turn.part, words, samples))

    def lay(
        self,
        note: Note | str,
        *,
        delivery: Delivery = Delivery.WHEN_IDLE,
        kind: NoteKind = NoteKind.RESULT,
        key: str = "",
    ) -> NoteId:
        """Pass something forward that the application knows. It is woven like any note of the background model's.

        Raises `ChunkRefused` for one that is too long or no text, and `SessionClosed`.
        """
        self._check_open()
        if isinstance(note, str):
            note = Note(self._note_ids(), kind, note, delivery=delivery, key=key)
        check_note(note)
        self._loop.arrivals.add(note)
        self._loop.stir()
        return note.id

    def delegate(self, request: str, *, priority: Priority = Priority.NORMAL) -> None:
        """Ask the background model for something on the application's own behalf."""
        self._wish(Delegate(request, priority))

    def amend(self, text: str, delegation: DelegationId | None = None) -> None:
        """Correct a delegation; the latest unsettled one if none is named."""
        self._wish(Amend(text, delegation))

    def withdraw(self, delegation: DelegationId | None = None, reason: str = "by the application") -> None:
        """Stop a delegation; nothing of it is woven from now on."""
        self._wish(Withdraw(reason, delegation))

    def approve(self, call: CallId, *, approved: bool = True, reason: str = "") -> None:
        """Answer a tool that asked for approval."""
        self._check_open()
        self._loop.journal.write(ApprovalAnswered(call, approved, reason[:MAX_REASON]), self.beat)

    # How it goes

    @property
    def beat(self) -> Beat:
        """The next beat to be lived through."""
        return self._loop.next

    @property
    def degraded(self) -> bool:
        """The store cannot be written at the moment; the conversation goes on and its entries wait."""
        return self._loop.journal.degraded

    @property
    def undelivered(self) -> tuple[NoteId, ...]:
        """Notes that wait to be woven or are being spoken."""
        return self._loop.weaver.undelivered()

    @property
    def unsettled(self) -> tuple[DelegationId, ...]:
        """Delegations that somebody is working on, or will."""
        return tuple(self._loop.delegations.unsettled)

    @property
    def at_rest(self) -> bool:
        """Nobody speaks, nothing waits to be told, nothing is being looked into."""
        return self._loop.at_rest

    def pause(self, reason: str = "by the application") -> None:
        """Stand still: no beats, no cost. What is pushed waits; media beyond the backlog are lost and recorded so."""
        self._check_open()
        if not self._loop.paused:
            self._loop.journal.write(Paused(reason), self.beat)
            self._loop.pause(reason)

    def resume(self) -> None:
        self._check_open()
        if self._loop.paused:
            self._loop.journal.write(Resumed(), self.beat)
            self._loop.resume()

    def end(self, reason: str = "ended by the application") -> None:
        """End the conversation for good: the iteration stops after the current step. Idempotent."""
        self.end_reason = self.end_reason or reason
        self._loop.stop()

    def __aiter__(self) -> AsyncIterator[MicroTurn]:
        return self

    async def __anext__(self) -> MicroTurn:
        """Raises what ended the session, if it did not end well: `ModelFailed`, `SlowListener`, `Fenced`."""
        turn = await self._loop.output.take()
        if turn is None:
            raise StopAsyncIteration
        return turn

    def shut(self) -> None:
        """Take nothing any more. Called once, when the session's block is left."""
        self._open = False

    def _wish(self, wish: Action) -> None:
        self._check_open()
        self._loop.wishes.append(wish)
        self._loop.stir()

    def _check_open(self) -> None:
        if not self._open or self._loop.stopped:
            raise SessionClosed("this session has ended; open another one on the same conversation to go on")
