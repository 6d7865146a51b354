"""Taking a conversation up again: what an earlier session left undone. Pure: the timeline tells all of it."""

import msgspec

from counterpoint.interaction.delegations import Delegations
from counterpoint.interaction.weaver import Weaver
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.timeline import Timeline


def take_up(timeline: Timeline, delegations: Delegations, weaver: Weaver, first: Beat) -> None:
    """Work in flight, and notes that were not heard."""
    for delegation in timeline.unsettled():
        if (work := timeline.work(delegation.id)) is not None:
            delegations.resume(delegation, work.state, first)
    for laid in timeline.pending_notes():
        note = laid.note
        if laid.voiced > laid.heard:
            note = msgspec.structs.replace(note, maybe_heard=True)
        weaver.lay(note, first, laid.heard)
