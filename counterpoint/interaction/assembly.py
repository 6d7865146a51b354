"""The beat loop of a session, put together from what its log says: the same parts whether it is hosted or replayed.

What stands around them (a journal or a comparison, a model or what was said then) is handed in.
"""

from collections.abc import Awaitable, Callable

from counterpoint.config import HORIZON_BEATS
from counterpoint.interaction.arrivals import Arrivals
from counterpoint.interaction.beat_loop import BeatLoop
from counterpoint.interaction.delegations import Delegations
from counterpoint.interaction.intake import Intake
from counterpoint.interaction.journal import Writing
from counterpoint.interaction.metronome import Metronome
from counterpoint.interaction.model import Capabilities, Stream
from counterpoint.interaction.note_ids import NoteIds
from counterpoint.interaction.output import Output
from counterpoint.interaction.playback import Playback
from counterpoint.interaction.policy import Policy
from counterpoint.interaction.stream_keeper import StreamKeeper
from counterpoint.interaction.taking_up import take_up
from counterpoint.interaction.traces import Traces
from counterpoint.interaction.weaver import Weaver
from counterpoint.shared_context.entries import Opened, Terms
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.timeline import Timeline


def assemble(
    timeline: Timeline,
    opened: Opened,
    terms: Terms,
    *,
    epoch: int,
    date: float,
    capabilities: Capabilities,
    policy: Policy,
    metronome: Metronome,
    open_stream: Callable[[Beat], Awaitable[Stream]],
    stream_failed: Callable[[str, Beat], None],
    journal: Writing,
    idle_beats: int | None = None,
    traces: Traces | None = None,
) -> BeatLoop:
    """`timeline`: as it was at `date` (seconds since 1970), when the session was opened; what was left undone in it is
    taken up. `stream_failed` is told before the notes that the stream had in hand go back on the tray.
    """
    weaver = Weaver(policy, itself=terms.itself)
    delegations = Delegations(
        timeline.conversation, served=terms.served, first=timeline.next_delegation, queue=terms.queue
    )
    playback = Playback(HORIZON_BEATS, terms.buffer)

    def failed(reason: str, beat: Beat) -> None:
        stream_failed(reason, beat)
        weaver.stream_lost(playback.heard_of, beat)

    loop = BeatLoop(
        capabilities=capabilities,
        stream=StreamKeeper(open_stream, failed),
        metronome=metronome,
        intake=Intake(capabilities),
        weaver=weaver,
        playback=playback,
        delegations=delegations,
        arrivals=Arrivals(weaver, delegations, journal.write, NoteIds("h", epoch)),
        journal=journal,
        output=Output(terms.buffer),
        first=opened.start,
        idle_beats=idle_beats,
        traces=traces,
    )
    take_up(timeline, opened.token, date, loop)
    return loop
