"""The listener's side of a conversation: what it was given to play, and how far it played, folded into a resume token.

For a client in Python; one in another language does the same with what the server sends (docs/clients.md). It knows
neither the session nor the host, and keeps no words for longer than they are being played.
"""

from counterpoint.errors import ChunkRefused
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.said import Said
from counterpoint.shared_context.ids import Beat, ConversationId, NoteId, SessionId
from counterpoint.shared_context.resume_token import ResumeToken

REMEMBERED_NOTES = 64
"""Notes whose hearing a token tells: those heard last."""

AHEAD = 64
"""Micro-turns that were given and not played; of older ones it is not told any more that they were."""


class Listener:
    """Tell it of every micro-turn when it comes (`given`) and of what was played, as the session is told (`played`).

    `token` is what to come back with, at any time; whatever had not been played by then is not to be played any more,
    it will come again. On a new connection, begin with `joined`.
    """

    def __init__(self, conversation: ConversationId, session: SessionId) -> None:
        self._conversation = conversation
        self._session = session
        self._given: dict[tuple[Beat, int], Said] = {}
        self._notes: dict[NoteId, int] = {}
        self._last = ResumeToken(conversation, session)

    @property
    def token(self) -> ResumeToken:
        last = self._last
        return ResumeToken(
            self._conversation, last.session, last.beat, last.part, last.words, last.samples, dict(self._notes)
        )

    def joined(self, session: SessionId) -> None:
        """From now on micro-turns come from this session, of the same conversation."""
        self._session = session
        self._given.clear()

    def given(self, turn: MicroTurn) -> None:
        """A micro-turn has come. After `flush`, only what comes from then on is to be played."""
        if turn.flush:
            for said in self._given.values():
                said.flushed = said.flushed or turn.beat
        if turn.text or turn.audio:
            said = Said(turn.beat, turn.part, turn.text, len(turn.audio) // 2, turn.voiced, due=0)
            self._given[turn.beat, turn.part] = said
            if len(self._given) > AHEAD:
                del self._given[next(iter(self._given))]

    def played(self, turn: MicroTurn, *, words: int | None = None, samples: int | None = None) -> None:
        """So much of a micro-turn was played; all of it, if neither is given. A report about one that was not given, or
        is over already, changes nothing. Raises `ChunkRefused` for what is no number.
        """
        for count in (words, samples):
            if not (count is None or isinstance(count, int)):  # pyright: ignore[reportUnnecessaryIsInstance] (it may come from anywhere)
                raise ChunkRefused("what was played is counted in whole words or samples")
        key = (turn.beat, turn.part)
        said = self._given.get(key)
        if said is None:
            return
        said.advance(words, samples)
        if said.begun:
            self._pass(key)
            self._hear(said)
            self._note_last(said)

    def _pass(self, key: tuple[Beat, int]) -> None:
        """They are played in order: those before it are over."""
        while (first := next(iter(self._given))) != key:
            earlier = self._given.pop(first)
            if earlier.flushed is None:
                earlier.finish()
                self._hear(earlier)

    def _hear(self, said: Said) -> None:
        for voiced in said.voiced:
            end = said.heard_of(voiced)
            heard = max(end if end > voiced.start else 0, self._notes.pop(voiced.note, 0))
            if heard:
                self._notes[voiced.note] = heard
        while len(self._notes) > REMEMBERED_NOTES:
            del self._notes[next(iter(self._notes))]

    def _note_last(self, said: Said) -> None:
        played = said.report()
        words, samples = (None, None) if said.complete else (played.words, played.samples)
        self._last = ResumeToken(self._conversation, self._session, said.beat, said.part, words, samples)
