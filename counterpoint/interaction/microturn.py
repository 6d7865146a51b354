"""A micro-turn as the listener gets it."""

import msgspec

from counterpoint.shared_context.entries import Gap
from counterpoint.shared_context.expressed import Action, Boundary, Floor, Voiced
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.notes import Decision, Note


class MicroTurn(msgspec.Struct, frozen=True):
    """One step of the conversation.

    `beat`: the last beat it covers (`span` beats; 0 for an early part, counted by `part`). `text` and `audio` (PCM16
    mono) are to be played from now. `flush`: first throw away what has not been played yet, and tell `session.played`
    how far it got. `woven`: the notes that entered. `late`: seconds after its due time at which the step began. `gap`:
    beats that were not lived through just before it.
    """

    beat: Beat
    part: int = 0
    span: int = 1
    text: str = ""
    audio: bytes = b""
    understood: str = ""
    floor: Floor = Floor.OPEN
    boundary: Boundary = Boundary.END
    woven: tuple[Note, ...] = ()
    voiced: tuple[Voiced, ...] = ()
    actions: tuple[Action, ...] = ()
    decisions: tuple[Decision, ...] = ()
    unsaid: str = ""
    flush: bool = False
    gap: Gap | None = None
    late: float = 0.0
