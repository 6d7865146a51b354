"""Watches the log for what concerns one delegation while it is worked on: corrections, withdrawal, answers."""

import logging
from collections.abc import Callable
from math import inf

import anyio

from counterpoint.background.approval import Approvals, ObjectionWindow
from counterpoint.background.attempt import Attempt
from counterpoint.background.retractions import Retractions
from counterpoint.errors import CorruptRecord, UnknownConversation
from counterpoint.shared_context.entries import Amended, ApprovalAnswered, Asked, Settled, Stored, Withdrawn
from counterpoint.shared_context.ids import Position

logger = logging.getLogger(__name__)


class Watch:
    """`corrected` and `over` are called for what is written once it is `live`; before, it only takes note of what is
    corrected, for the first round of thinking.
    """

    def __init__(
        self,
        attempt: Attempt,
        window: ObjectionWindow,
        approvals: Approvals,
        retractions: Retractions,
        *,
        corrected: Callable[[str], None],
        over: Callable[[], None],
    ) -> None:
        self.corrected_at = Position(0)
        self.deadline = inf
        self.live = False
        self._attempt = attempt
        self._window = window
        self._approvals = approvals
        self._retractions = retractions
        self._corrected = corrected
        self._over = over
        self._asked_at: float | None = None

    async def read(self) -> None:
        """Words that are older than what can be read count as said just now: that is the safe side."""
        leased_at, waited = anyio.current_time(), self._attempt.lease.waited
        await self._attempt.read(self._arrived)
        asked_at = anyio.current_time() if self._asked_at is None else self._asked_at
        self._window.words(asked_at)
        if waited is not None:  # dates are of other machines, and may be wrong
            asked_at = leased_at - waited
        self.deadline = asked_at + self._attempt.delegation.seconds

    async def run(self) -> None:
        try:
            await self._attempt.follow(self._arrived)
        except UnknownConversation:
            pass
        except CorruptRecord:
            logger.exception("the log of %s cannot be followed", self._attempt.delegation.conversation)
            return
        self._over()

    def _arrived(self, stored: Stored) -> None:
        self._retractions.arrived(stored)
        header, mine = stored.entry.header, self._attempt.delegation.id
        match stored.entry.body:
            case Asked(delegation=delegation) if delegation.id == mine:
                self._asked_at = anyio.current_time() - self._attempt.age(header.at)
            case Amended(delegation=delegation, text=text) if delegation == mine:
                self.corrected_at = stored.position
                self._window.words(anyio.current_time() - self._attempt.age(header.at))
                if self.live:
                    self._corrected(text)
            case Withdrawn(delegation=delegation) if delegation == mine:
                self._over()
            case Settled(delegation=delegation) if delegation == mine and not self.live:
                self._asked_at = None  # it was given up, and somebody had it tried again just now
            case ApprovalAnswered() as answer:
                self._approvals.answered(answer)
            case _:
                pass
