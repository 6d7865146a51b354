"""What both sides said lately, still open to reports of how much of it was heard. It knows no notes and no works."""

import msgspec

from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import Played, Turn, Unheard
from counterpoint.shared_context.hearing import Report, heard_after, heard_before
from counterpoint.shared_context.ids import Beat, Position
from counterpoint.shared_context.timeline.utterances import Piece, Placed, Stretch, Track, utterances_of

SETTLES_AFTER_BEATS = 150
"""How long a finished utterance waits for reports of its playback (30 s) before it is folded away."""


class SpeechState(msgspec.Struct, omit_defaults=True):
    """What a snapshot keeps. `flushed`, `flushed_in`: position and beat of the newest micro-turn that threw away what
    had not been played.
    """

    live: list[Stretch] = []
    flushed: Position = Position(0)
    flushed_in: Beat = Beat(-1)


class Speech:
    """The live end of the conversation. Costs a few microseconds per micro-turn, whatever came before."""

    __slots__ = ("_open", "_pieces", "state")

    def __init__(self, state: SpeechState) -> None:
        self.state = state
        self._open = {stretch.track: stretch for stretch in state.live if not stretch.done}
        self._pieces = {(piece.beat, piece.part): piece for piece in self._agent_pieces()}

    def take(self, turn: Turn, beat: Beat, position: Position) -> None:
        first = Beat(beat - max(turn.span, 1) + 1)
        if turn.unheard is not None:
            self._unheard(turn.unheard)
        if turn.flush:
            self.state.flushed, self.state.flushed_in = position, beat
            self._close(Track.AGENT)
        for chunk in turn.texts:
            self._chunk(chunk, first, beat, position)
        if turn.understood and not _is_what_was_pushed(turn):
            self._add(Track.UNDERSTOOD, Piece(first, beat, turn.understood, position))
        if turn.text or turn.samples:
            self._said(turn, first, beat, position)

    def played(self, played: Played) -> None:
        piece = self._pieces.get((played.turn, played.part))
        if piece is not None:
            if not played.assumed and piece.report is not Report.FINAL:
                piece.reported, _ = heard_after(piece.text, piece.samples, piece.reported, Report.ACKNOWLEDGED, played)
            piece.heard, piece.report = heard_after(piece.text, piece.samples, piece.heard, piece.report, played)

    def piece(self, beat: Beat, part: int) -> Piece | None:
        """What the agent said in a micro-turn, unless that has been folded away."""
        return self._pieces.get((beat, part))

    def said_since(self, beat: Beat) -> list[Piece]:
        """What the agent said in the micro-turns from a beat on, unless that has been folded away."""
        return [piece for piece in self._agent_pieces() if piece.beat >= beat]

    def interrupt(self) -> None:
        """A new session begins: nobody goes on with what was being said. What is typed stays typed."""
        for track in (Track.AGENT, Track.WORDS, Track.UNDERSTOOD):
            self._close(track)

    @property
    def typing(self) -> str:
        stretch = self._open.get(Track.TYPED)
        return "".join(piece.text for piece in stretch.pieces) if stretch else ""

    def utterances(self) -> list[Placed]:
        return [placed for each in self.state.live if not each.unfinished for placed in utterances_of(each)]

    def fold(self, beat: Beat) -> list[Stretch]:
        """Take out what has ended long enough ago that nothing more will be reported of it."""
        before = beat - SETTLES_AFTER_BEATS
        folded = [each for each in self.state.live if each.last < before and not each.unfinished]
        if folded:
            self.state.live = [each for each in self.state.live if each.last >= before or each.unfinished]
        for stretch in folded:
            self._forget(stretch)
        return folded

    def _agent_pieces(self) -> list[Piece]:
        return [piece for each in self.state.live if each.track is Track.AGENT for piece in each.pieces]

    def _chunk(self, chunk: TextChunk, first: Beat, beat: Beat, position: Position) -> None:
        if not chunk.typed:
            if chunk.text.strip():
                self._add(Track.WORDS, Piece(first, beat, chunk.text, position))
            return
        if chunk.text or Track.TYPED in self._open:
            self._add(Track.TYPED, Piece(first, beat, chunk.text, position))
        if chunk.done:
            self._close(Track.TYPED)

    def _said(self, turn: Turn, first: Beat, beat: Beat, position: Position) -> None:
        piece = Piece(first, beat, turn.text, position, turn.part, turn.boundary, turn.samples, turn.voiced)
        self._pieces[beat, turn.part] = piece
        self._add(Track.AGENT, piece)

    def _add(self, track: Track, piece: Piece) -> None:
        stretch = self._open.get(track)
        if stretch is None or stretch.ends_before(piece):
            self._close(track)
            stretch = self._open[track] = Stretch(track, [], piece.beat)
            self.state.live.append(stretch)
        stretch.add(piece)

    def _close(self, track: Track) -> None:
        if (stretch := self._open.pop(track, None)) is not None:
            stretch.done = True

    def _unheard(self, unheard: Unheard) -> None:
        """The end of what was said before the flush (or until now, where there was none since) was never played.

        Where the reports of each micro-turn are in the log, they have said so already, and more exactly.
        """
        said = [each for each in self._agent_pieces() if each.beat >= unheard.since]
        pieces = [each for each in said if each.position < self.state.flushed] or said
        if any(each.report is Report.FINAL for each in pieces):
            return
        for piece, heard in zip(pieces, heard_before([each.text for each in pieces], unheard.text), strict=True):
            piece.heard, piece.report = heard, Report.FINAL

    def _forget(self, stretch: Stretch) -> None:
        if self._open.get(stretch.track) is stretch:
            del self._open[stretch.track]
        if stretch.track is Track.AGENT:
            for piece in stretch.pieces:
                if self._pieces.get((piece.beat, piece.part)) is piece:
                    del self._pieces[piece.beat, piece.part]


def _is_what_was_pushed(turn: Turn) -> bool:
    """A model that merely repeats the words it was given understood nothing besides them."""
    return turn.understood.split() == " ".join(chunk.text for chunk in turn.texts).split()
