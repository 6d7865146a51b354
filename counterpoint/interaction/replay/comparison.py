"""Stands in the place of the journal: what is decided anew is held against what the log has. Pure."""

from collections import deque
from collections.abc import Iterable

import msgspec

from counterpoint.interaction.replay.course import beat_of
from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Body,
    Closed,
    Failed,
    MediaFault,
    Stored,
    TooLate,
    Withdrawn,
)
from counterpoint.shared_context.ids import Beat, Position


class Difference(msgspec.Struct, frozen=True):
    """The first entry that comes out otherwise. `expected`: as the log has it, at `position`; None: the log has nothing
    there. `got`: what was decided now; None: nothing. `why`: where neither says it.
    """

    beat: Beat
    position: Position | None = None
    expected: Body | None = None
    got: Body | None = None
    why: str = ""


class Differs(Exception):
    def __init__(self, difference: Difference) -> None:
        super().__init__(difference)
        self.difference = difference


class Ended(Exception):
    """Everything that was to be compared has been."""


class Comparison:
    """`same`: entries that came out as they are in the log. With `open_ended`, what is decided after the last of them
    is not compared: the log does not tell.
    """

    degraded = False

    def __init__(self, expected: Iterable[Stored], *, open_ended: bool) -> None:
        self._expected = deque(expected)
        self.open_ended = open_ended
        self.same = 0

    @property
    def head(self) -> Stored | None:
        return self._expected[0] if self._expected else None

    def write(self, body: Body, beat: Beat, cause: Position | None = None) -> None:  # noqa: ARG002 (a journal's)
        """Raises `Differs`, or `Ended`."""
        if isinstance(body, MediaFault):
            return
        head = self.head
        if head is None:
            if self.open_ended:
                raise Ended
            raise Differs(Difference(beat, got=body))
        if not (_same(head.entry.body, body) and (isinstance(body, Closed) or beat_of(head) == beat)):
            raise Differs(Difference(beat, head.position, head.entry.body, body))
        self._took()

    def left(self, body: Body) -> None:
        """Like `write`, for what is written when a session is left, whichever beat that is."""
        head = self.head
        self.write(body, beat_of(head) if head is not None else Beat(0))

    def failures(self, beat: Beat) -> None:
        """The stream failed, as it did then; the log says how."""
        while (head := self.head) is not None and isinstance(head.entry.body, Failed) and beat_of(head) == beat:
            self._took()

    def missing(self, beat: Beat) -> Differs:
        """What the log has next was not decided."""
        head = self.head
        return Differs(Difference(beat, head.position, head.entry.body) if head else Difference(beat))

    def _took(self) -> None:
        self._expected.popleft()
        self.same += 1


def _same(expected: Body, got: Body) -> bool:
    if isinstance(expected, TooLate) and isinstance(got, Asked | Amended | Withdrawn):
        return expected.wish == got
    return expected == got
