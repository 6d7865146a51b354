"""All sessions of a conversation, each lived through again, or the reason why it cannot be."""

from collections.abc import Sequence
from typing import Final

import msgspec

from counterpoint import telemetry
from counterpoint.errors import ConfigurationError, ModelFailed
from counterpoint.interaction.policy import Policy, name_of, weave_at_once, weave_when_it_suits
from counterpoint.interaction.replay.comparison import Comparison, Difference, Differs, Ended
from counterpoint.interaction.replay.course import beat_of, course_of
from counterpoint.interaction.replay.hosted import Hosted, by_position, sessions_of
from counterpoint.interaction.replay.stepping import Stepping, Unreplayable
from counterpoint.shared_context.entries import Opened, Stored, Terms
from counterpoint.shared_context.ids import Beat, ConversationId, Position
from counterpoint.shared_context.store import Snapshot
from counterpoint.shared_context.timeline import Timeline

_OURS: Final = {name_of(policy): policy for policy in (weave_when_it_suits, weave_at_once)}


class SessionReplay(msgspec.Struct, frozen=True):
    """What came of replaying one session. `same`: entries that were decided as they are in the log. `stopped`: why the
    rest of it, from `beat` on, could not be replayed; empty if all of it was.
    """

    epoch: int
    session: str
    same: int
    beat: Beat
    stopped: str = ""
    difference: Difference | None = None


async def replay_decisions(
    conversation: ConversationId,
    log: Sequence[Stored],
    snapshot: Snapshot | None = None,
    *,
    policy: Policy | None = None,
    until: Beat | None = None,
) -> list[SessionReplay]:
    """Feed what was recorded (texts, arrivals, what the stream expressed, what the listener reported) to the code that
    decides, session by session, and compare what it decides. `policy`: in the place of the recorded one.

    Raises `ConfigurationError` if a session was led by a policy that is not ours, and none is given. Nothing of a
    replay enters traces or metrics, and nothing is written.
    """
    timelines = _Timelines(conversation, log, snapshot)
    return [await _replayed(hosted, log, timelines, policy, until) for hosted in sessions_of(log)]


class _Timelines:
    """The timeline as a session found it. Asked for in order of the sessions."""

    def __init__(self, conversation: ConversationId, log: Sequence[Stored], snapshot: Snapshot | None) -> None:
        self._log = log
        self._next = 0
        whole = not log or log[0].position == 1
        self._timeline = Timeline(conversation)
        if not whole and snapshot is not None:
            self._timeline = Timeline.restore(snapshot.data)
        self._known = whole or snapshot is not None

    def at(self, tail: Position) -> Timeline:
        if not self._known or self._timeline.tail > tail:
            begins = self._log[0].position if self._log else 0
            raise Unreplayable(f"what it took up is not known any more: the log begins at position {begins}")
        while self._next < len(self._log) and self._log[self._next].position <= tail:
            self._timeline.apply(self._log[self._next])
            self._next += 1
        return self._timeline


async def _replayed(
    hosted: Hosted, log: Sequence[Stored], timelines: _Timelines, policy: Policy | None, until: Beat | None
) -> SessionReplay:
    opened = hosted.opened
    last = beat_of(hosted.entries[-1]) if hosted.entries else Beat(0)
    if opened is None:
        return SessionReplay(hosted.epoch, "", 0, last, hosted.broken)
    begin = SessionReplay(hosted.epoch, opened.session, 0, opened.start)
    if opened.terms is None:
        return msgspec.structs.replace(begin, stopped="it was written by a version that did not record its terms")
    course = course_of(hosted.entries, hosted.epoch)
    comparison = Comparison(course.decided, open_ended=not hosted.left)
    try:
        stepping = Stepping(
            course,
            comparison,
            timelines.at(opened.terms.tail),
            by_position(log),
            opened=opened,
            terms=opened.terms,
            policy=_policy(opened, opened.terms, policy),
            epoch=hosted.epoch,
            date=hosted.entries[0].entry.header.at,
        )
    except Unreplayable as reason:
        return msgspec.structs.replace(begin, stopped=str(reason))
    with telemetry.silenced():
        stopped, difference = await _outcome(stepping, comparison, last, until)
    if difference is not None and hosted.set_back:
        stopped, difference = f"its store was set back meanwhile, {hosted.set_back}", None
    beat = min(stepping.beat, Beat(last + 1))
    return SessionReplay(
        hosted.epoch, opened.session, comparison.same, beat, "" if difference else stopped or hosted.broken, difference
    )


async def _outcome(
    stepping: Stepping, comparison: Comparison, last: Beat, until: Beat | None
) -> tuple[str, Difference | None]:
    """Why it stopped, and the difference, if that was why."""
    try:
        await stepping.through(until)
    except Ended:
        return "", None
    except Unreplayable as reason:
        return str(reason), None
    except ModelFailed:
        return "the model failed for good: its last step is not in the log", None
    except Differs as differs:
        return _judged(differs.difference, comparison, last)
    return "", None


def _judged(difference: Difference, comparison: Comparison, last: Beat) -> tuple[str, Difference | None]:
    """A host that goes on, or was lost, may have written what came of its last step and not yet what it took in."""
    head = comparison.head
    if comparison.open_ended and head is not None and beat_of(head) >= last:
        return "the log ends in the midst of its last step", None
    return "", difference


def _policy(opened: Opened, terms: Terms, given: Policy | None) -> Policy:
    if given is not None:
        return given
    if terms.policy in _OURS:
        return _OURS[terms.policy]
    raise ConfigurationError(
        f"session {opened.session!r} was led by the policy {terms.policy!r}: name it to replay its decisions"
    )
