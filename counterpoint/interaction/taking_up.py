"""Taking a conversation up again: what an earlier session left undone, from the timeline and the token. Pure."""

from typing import Final

import msgspec

from counterpoint.config import BEAT_SECONDS
from counterpoint.errors import TokenRefused
from counterpoint.interaction.arrivals import Arrivals
from counterpoint.interaction.beat_loop import BeatLoop
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.resume_token import ResumeToken
from counterpoint.shared_context.timeline import Timeline
from counterpoint.shared_context.timeline.laid_notes import LaidNote

AHEAD_BEATS: Final = 150
"""A token may be so far ahead of what this host's clock says (30 s): the clocks of two machines differ."""

NOBODY: Final = "nobody hosted the conversation"


def of_use(given: ResumeToken | str | None, timeline: Timeline, date: float) -> tuple[ResumeToken | None, str]:
    """The token, if it is of use; else why it is not. A conversation goes on without it."""
    if given is None:
        return None, ""
    try:
        token = ResumeToken.decode(given) if isinstance(given, str) else given
    except TokenRefused as error:
        return None, str(error)
    reason = objection(token, timeline, date)
    return (None, reason) if reason else (token, "")


def objection(token: ResumeToken, timeline: Timeline, date: float) -> str:
    """Why a token cannot be of this conversation, at a date; empty if it may be."""
    if token.conversation != timeline.conversation:
        return "it is of another conversation"
    if not timeline.tail:
        return "nothing is kept of this conversation"
    if token.beat is not None and token.beat > timeline.beat_at(date) + AHEAD_BEATS:
        return f"beat {token.beat} of this conversation has not been yet"
    return ""


def going_on(timeline: Timeline, token: ResumeToken | None, date: float) -> Beat:
    """The first beat that a session lives through which is opened at a date: the conversation's beats have gone on."""
    beat = timeline.beat_at(date)
    return beat if token is None or token.beat is None else max(beat, Beat(token.beat + 1))


def take_up(timeline: Timeline, token: ResumeToken | None, date: float, loop: BeatLoop) -> None:
    """Work in flight, what was corrected or withdrawn, what was told, and the notes that were not heard.

    `date`: when the session was opened, as its `Opened` says; `token`: what stands there.
    """
    weaver = loop.weaver
    if token is not None:
        loop.playback.rejoined(timeline.rejoin(token))
    works = timeline.works()
    loop.delegations.resume(works)
    for work in works:
        id = work.delegation.id
        if work.state is DelegationState.WITHDRAWN:
            weaver.withdraw(id)
        elif (corrected := timeline.corrected(id)) is not None:
            weaver.amend(id, corrected)
    for note in timeline.told_notes():
        weaver.told(note)
    weaver.floor.take_up(timeline.last_words, typing=bool(timeline.typing))
    beat = going_on(timeline, token, date)
    doubtful = token is None and not timeline.left
    for laid in timeline.pending_notes():
        _again(laid, beat, date, loop.arrivals, doubtful=doubtful or (token is None and laid.voiced > laid.heard))


def _again(laid: LaidNote, beat: Beat, date: float, arrivals: Arrivals, *, doubtful: bool) -> None:
    """Its time runs from when it was laid, also while nobody hosted the conversation."""
    note = laid.note
    if doubtful and not note.maybe_heard:
        note = msgspec.structs.replace(note, maybe_heard=True)
    if note.computed_for is None:
        note = msgspec.structs.replace(note, computed_for=laid.position)
    waited = max(0, int((date - laid.at) / BEAT_SECONDS))
    arrivals.again(note, Beat(beat - waited), laid.heard)
