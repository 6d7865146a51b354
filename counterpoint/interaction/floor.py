"""Who is speaking now, read from what came in and what was said. It only reads: what a model reports wins.

No voice activity is detected here; a model that hears reports the floor itself.
"""

from collections.abc import Sequence

from counterpoint.config import TYPING_HOLDS_BEATS
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.expressed import Boundary, Expressed, Floor
from counterpoint.shared_context.ids import Beat

LONG_AGO = 1 << 40


class FloorReading:
    """One session's reading of the floor. Feed it `perceived` before a step and `expressed` after it.

    `speaking_since`: the beat in which the agent began what it is saying, or was last silent.
    """

    def __init__(self) -> None:
        self._person_last = -LONG_AGO
        self._typing_until = -LONG_AGO
        self._boundary = Boundary.END
        self._reported: Floor | None = None
        self.speaking_since = Beat(0)

    def take_up(self, last: Beat, *, typing: bool) -> None:
        """An earlier session heard the person last in that beat. `typing`: they had not sent their line yet."""
        if last >= 0:
            self._person_last = last
            self._typing_until = last + TYPING_HOLDS_BEATS if typing else -LONG_AGO

    @property
    def boundary(self) -> Boundary:
        """Where the agent's speech stood after the last step."""
        return self._boundary

    def perceived(self, texts: Sequence[TextChunk], beat: Beat) -> None:
        for chunk in texts:
            if not chunk.typed:
                if chunk.text.strip():
                    self._person_last = beat
            elif chunk.done:
                self._typing_until = -LONG_AGO
                self._person_last = beat
            else:
                self._typing_until = beat + TYPING_HOLDS_BEATS
                self._person_last = beat

    def expressed(self, expressed: Expressed, beat: Beat) -> None:
        if self._boundary is Boundary.END:
            self.speaking_since = beat
        self._boundary = expressed.boundary
        self._reported = expressed.floor
        if expressed.floor in (Floor.PERSON, Floor.BOTH) or (expressed.floor is None and expressed.understood):
            self._person_last = beat

    def person_speaks(self, beat: Beat) -> bool:
        if beat <= self._typing_until:
            return True
        return beat <= self._person_last or self._reported in (Floor.PERSON, Floor.BOTH)

    def silent_beats(self, beat: Beat) -> int:
        """Beats since the person was last heard, the current one included."""
        if self.person_speaks(beat):
            return 0
        return beat - max(self._person_last, self._typing_until)

    def at(self, beat: Beat) -> Floor:
        agent = self._boundary is not Boundary.END
        if self.person_speaks(beat):
            return Floor.BOTH if agent else Floor.PERSON
        return Floor.AGENT if agent else Floor.OPEN
