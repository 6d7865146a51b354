"""When a note is offered: the weaving policy, a pure function from the situation to decisions with reasons.

Replace it by passing another function of the same shape to `Runtime(policy=...)`.
"""

from collections.abc import Callable, Sequence

import msgspec

from counterpoint.config import (
    CLAUSE_AFTER_BEATS,
    MIN_SILENCE_BEATS,
    REQUIRED_SILENCE_BEATS,
    SILENCE_RELAXES_EVERY_BEATS,
    WORD_AFTER_BEATS,
)
from counterpoint.shared_context.expressed import Boundary, Floor
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.notes import Decision, DecisionKind, Delivery, Note, NoteKind

OVERDUE_BEATS = 40
"""A note that has waited for 8 s goes before all that have not."""

LAXITY_BEATS = 50
"""Differences in laxity under 10 s do not matter: notes are then told in the order in which they came."""

CHARACTERS_PER_BEAT = 3
"""How fast words are spoken, to estimate how long a note takes: 15 characters a second."""


class Waiting(msgspec.Struct, frozen=True):
    """A note on the tray. `laid`: the beat at which it was; `expires`: the beat from which it is no longer wanted.

    `heard`: characters that the person has heard already; it was interrupted and waits to be finished.
    """

    note: Note
    laid: Beat
    expires: Beat
    heard: int = 0


class Situation(msgspec.Struct, frozen=True):
    """What a decision may depend on. `silent_beats`: of the person. `speaking_since`: the beat in which the agent began
    what it is saying. `voicing`: the note being spoken now, if any.
    """

    beat: Beat
    floor: Floor
    silent_beats: int
    boundary: Boundary
    speaking_since: Beat
    voicing: Note | None = None


Policy = Callable[[Situation, Sequence[Waiting]], Sequence[Decision]]


def name_of(policy: Policy) -> str:
    """`module:name`, for the log; of an object that is no function, those of its type."""
    named = policy if hasattr(policy, "__qualname__") else type(policy)
    return f"{named.__module__}:{named.__qualname__}"


def required_silence(waited: int) -> int:
    """Beats of the person's silence before a note that has waited for `waited` beats may be offered."""
    return max(MIN_SILENCE_BEATS, REQUIRED_SILENCE_BEATS - waited // SILENCE_RELAXES_EVERY_BEATS)


def urgency(waiting: Waiting, beat: Beat) -> tuple[bool, bool, bool, int, int]:
    """Sort key: what may interrupt, then what is overdue, results before progress, then by laxity (the time left
    beyond the time to say it), then first come, first served.
    """
    waited = beat - waiting.laid
    overdue = waited > OVERDUE_BEATS
    unsaid = len(waiting.note.text) - waiting.heard
    laxity = (waiting.expires - beat - unsaid // CHARACTERS_PER_BEAT) // LAXITY_BEATS
    interrupts = waiting.note.delivery is Delivery.INTERRUPT
    return (not interrupts, not overdue, waiting.note.kind is NoteKind.PROGRESS, 0 if overdue else laxity, waiting.laid)


def weave_when_it_suits(situation: Situation, waiting: Sequence[Waiting]) -> Sequence[Decision]:
    """The default policy (docs/concepts.md says it in words). At most one note is offered for speech per step."""
    decisions: list[Decision] = []
    offered = False
    for each in sorted(waiting, key=lambda one: urgency(one, situation.beat)):
        kind, reason = _one(situation, each, offered=offered)
        offered = offered or kind in (DecisionKind.WEAVE, DecisionKind.INTERRUPT)
        decisions.append(Decision(each.note.id, kind, reason, situation.beat))
    return decisions


def weave_at_once(situation: Situation, waiting: Sequence[Waiting]) -> Sequence[Decision]:
    """For models trained to time notes themselves: everything is offered as it comes."""
    return [
        Decision(
            each.note.id,
            DecisionKind.SILENT if each.note.delivery is Delivery.SILENT else DecisionKind.WEAVE,
            "model_times_it",
            situation.beat,
        )
        for each in sorted(waiting, key=lambda one: urgency(one, situation.beat))
    ]


def _one(situation: Situation, waiting: Waiting, *, offered: bool) -> tuple[DecisionKind, str]:
    if waiting.note.delivery is Delivery.SILENT:
        return DecisionKind.SILENT, "silent"
    if offered:
        return DecisionKind.HOLD, "another_note"
    if waiting.note.delivery is Delivery.INTERRUPT:
        if situation.voicing is not None and situation.voicing.delivery is Delivery.INTERRUPT:
            return DecisionKind.HOLD, "another_note"
        return DecisionKind.INTERRUPT, "interrupt"
    if situation.floor in (Floor.PERSON, Floor.BOTH):
        return DecisionKind.HOLD, "person_speaking"
    if situation.voicing is not None:
        return DecisionKind.HOLD, "another_note"
    if situation.floor is Floor.AGENT:
        since = max(waiting.laid, situation.speaking_since)
        return _inside_speech(situation.boundary, situation.beat - since)
    if situation.silent_beats >= required_silence(situation.beat - waiting.laid):
        return DecisionKind.WEAVE, "floor_open"
    return DecisionKind.HOLD, "person_paused_too_briefly"


def _inside_speech(boundary: Boundary, waited: int) -> tuple[DecisionKind, str]:
    if waited >= CLAUSE_AFTER_BEATS and boundary >= Boundary.CLAUSE:
        return DecisionKind.WEAVE, "clause_boundary"
    if waited >= WORD_AFTER_BEATS and boundary >= Boundary.WORD:
        return DecisionKind.WEAVE, "word_boundary"
    if waited > WORD_AFTER_BEATS:
        return DecisionKind.WEAVE, "bound_reached"
    return DecisionKind.HOLD, "agent_speaking"
