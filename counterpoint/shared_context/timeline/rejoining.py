"""A listener comes back and tells how far it had played: what that says about the agent's latest words. Pure.

Applied twice it changes nothing more: the host that takes over needs it at once, who reads the log comes to it later.
"""

from collections.abc import Mapping

from counterpoint.shared_context.entries import Played, Unheard
from counterpoint.shared_context.hearing import Report, heard_after
from counterpoint.shared_context.ids import Beat, SessionId
from counterpoint.shared_context.resume_token import ResumeToken
from counterpoint.shared_context.timeline.laid_notes import LaidNotes
from counterpoint.shared_context.timeline.speech import Speech
from counterpoint.shared_context.timeline.utterances import Piece

_Order = tuple[int, bool, int]


def rejoin(token: ResumeToken, sessions: Mapping[SessionId, Beat], speech: Speech, notes: LaidNotes) -> Unheard | None:
    """Of a session that is not known only the notes count: they are the same in all of them."""
    begun = sessions.get(token.session)
    pieces = [] if begun is None else speech.said_since(begun)
    notes.rejoin(token.notes, pieces)
    cut = [piece for piece in pieces if piece.report is not Report.FINAL and _judge(piece, token, speech)]
    unheard = "".join(piece.text[piece.heard :] for piece in cut)
    return Unheard(cut[0].beat, unheard) if unheard.strip() else None


def _judge(piece: Piece, token: ResumeToken, speech: Speech) -> bool:
    """Whether the end of the piece was never played, and nobody had said so yet."""
    last = None if token.beat is None else _order(token.beat, token.part)
    this = _order(piece.beat, piece.part)
    flushed = piece.position < speech.state.flushed and token.beat is not None and token.beat >= speech.state.flushed_in
    if last is not None and this < last and not flushed:
        piece.heard, piece.report = len(piece.text) or 1, Report.ACKNOWLEDGED
        return False
    piece.heard, piece.report = piece.reported, Report.FINAL
    if this == last:
        played = Played(piece.beat, piece.part, words=token.words, samples=token.samples)
        piece.heard, _ = heard_after(piece.text, piece.samples, piece.reported, Report.ACKNOWLEDGED, played)
    return True


def _order(beat: int, part: int) -> _Order:
    """The early parts of a beat come before its grid step, which is part 0."""
    return beat, part == 0, part
