"""What the host knows of its delegations, and what the model's wish to delegate, amend or withdraw comes to.

Pure: wishes in, log entries (bodies) out. Identical wishes join; a correction amends the work in flight.
"""

from collections.abc import Sequence

import msgspec

from counterpoint.interaction.model import DelegationNews
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import Amended, Asked, Withdrawn
from counterpoint.shared_context.expressed import Amend, Delegate, Withdraw
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId
from counterpoint.shared_context.package import Work

MAX_UNSETTLED = 16
"""Delegations that one conversation may have in flight; more are refused, and the agent is told."""

MAX_REQUEST = 4_000
"""Characters of a request or a correction; the worker reads the whole conversation besides."""

MAX_SETTLED = 64
"""Settled delegations remembered, so that a correction can start from what was asked."""


MAX_OUT_OF_REACH = 8
"""Delegations that may be asked while the store is away; nobody waits minutes for more answers than that at once."""

OUT_OF_REACH = "what looks things up cannot be reached at the moment"


class Refused(msgspec.Struct, frozen=True):
    """A wish that comes to nothing, and why (a sentence for the log and the model)."""

    reason: str


class Anew(msgspec.Struct, frozen=True):
    """The work was done before its correction could reach it: `asked` is done instead."""

    asked: Asked
    instead_of: DelegationId


class Forgone(msgspec.Struct, frozen=True):
    """The work was done already; what it found is no longer wanted."""

    delegation: DelegationId


class _Work(msgspec.Struct):
    request: str
    asked: Beat
    seconds: float
    state: DelegationState = DelegationState.ASKED
    corrections: tuple[str, ...] = ()


def _corrected(request: str, corrections: Sequence[str]) -> str:
    return "\n(correction) ".join((request, *corrections))[:MAX_REQUEST]


def _same(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".?! ")


class Delegations:
    """`served`: somebody can take work. `first`: number of the next delegation of this conversation."""

    def __init__(self, conversation: ConversationId, *, served: bool, first: int = 1, queue: str = "default") -> None:
        self._conversation = conversation
        self._served = served
        self._queue = queue
        self._next = first
        self.away = False
        self._asked_away = 0
        self._work: dict[DelegationId, _Work] = {}

    @property
    def unsettled(self) -> list[DelegationId]:
        return [id for id, work in self._work.items() if not work.state.settled]

    def __contains__(self, delegation: DelegationId) -> bool:
        return delegation in self._work

    def request_of(self, delegation: DelegationId) -> str:
        work = self._work.get(delegation)
        return work.request if work else ""

    def state_of(self, delegation: DelegationId) -> DelegationState:
        work = self._work.get(delegation)
        return work.state if work else DelegationState.WITHDRAWN

    def store_is(self, *, away: bool) -> None:
        """The store cannot be told of anything new, or can again."""
        self.away, self._asked_away = away, 0

    def resume(self, works: Sequence[Work]) -> None:
        """Those of earlier sessions, oldest first. One that was asked anew is done with its corrections."""
        requests = {_same(work.delegation.request) for work in works}
        for work in works:
            delegation, corrections = work.delegation, work.amendments
            if work.state.settled and _same(_corrected(delegation.request, corrections)) in requests:
                corrections = ()
            self._work[delegation.id] = _Work(
                delegation.request, work.asked, delegation.seconds, work.state, corrections
            )
        self._trim()

    def delegate(self, wish: Delegate, beat: Beat) -> Asked | Refused:
        request = wish.request.strip()[:MAX_REQUEST]
        if not request:
            return Refused("there was nothing to look into: the request was empty")
        if not self._served:
            return Refused("there is no background model to look into things")
        if any(_same(self._work[id].request) == _same(request) for id in self.unsettled):
            return Refused("joined: the same is being looked into already")
        if len(self.unsettled) >= MAX_UNSETTLED:
            return Refused(f"{MAX_UNSETTLED} things are being looked into already")
        if self.away and self._asked_away >= MAX_OUT_OF_REACH:
            return Refused(f"{OUT_OF_REACH}, and enough is waiting for it already")
        self._asked_away += self.away
        delegation = Delegation(
            DelegationId(f"d{self._next}"), self._conversation, request, priority=wish.priority, queue=self._queue
        )
        self._next += 1
        self._work[delegation.id] = _Work(request, beat, delegation.seconds)
        self._trim()
        return Asked(delegation)

    def amend(self, wish: Amend, beat: Beat) -> Amended | Asked | Anew | Refused:
        """Correct the work in flight; where it is over already, ask anew with the correction."""
        text = wish.text.strip()[:MAX_REQUEST]
        if not text:
            return Refused("the correction was empty")
        target = wish.delegation or self._latest(self.unsettled) or self._latest(list(self._work))
        if target is None or target not in self._work:
            return self.delegate(Delegate(text), beat)
        work = self._work[target]
        work.corrections += (text,)
        if work.state.settled:
            return self.again(target, beat)
        return Amended(target, text)

    def again(self, delegation: DelegationId, beat: Beat) -> Anew | Refused:
        """Ask anew for what was done without regard to its corrections: they came too late for it."""
        work = self._work[delegation]
        if not work.state.settled or not work.corrections:
            return Refused("it is being looked into still, or was never corrected")
        corrections, work.corrections = work.corrections, ()
        asked = self.delegate(Delegate(_corrected(work.request, corrections)), beat)
        return Anew(asked, delegation) if isinstance(asked, Asked) else asked

    def withdraw(self, wish: Withdraw) -> Withdrawn | Forgone | Refused:
        target = wish.delegation or self._latest(self.unsettled) or self._latest(list(self._work))
        if target is None or target not in self._work:
            return Refused("nothing is being looked into")
        if self._work[target].state.settled:
            return Forgone(target)
        self._work[target].state = DelegationState.WITHDRAWN
        return Withdrawn(target, wish.reason[:MAX_REQUEST])

    def became(self, delegation: DelegationId, state: DelegationState, reason: str = "") -> DelegationNews | None:
        """A worker (or the store) says so. None if it changes nothing for the model."""
        work = self._work.get(delegation)
        if work is None or work.state.settled:
            return None
        work.state = state
        return DelegationNews(delegation, state, work.request, reason)

    def overdue(self, beat: Beat, seconds_per_beat: float, grace: float) -> list[DelegationId]:
        """Unsettled for longer than it may take, and nobody said so: there is no worker, or it is cut off."""
        return [
            id
            for id, work in self._work.items()
            if not work.state.settled and (beat - work.asked) * seconds_per_beat > work.seconds + grace
        ]

    def _latest(self, ids: list[DelegationId]) -> DelegationId | None:
        return ids[-1] if ids else None

    def _trim(self) -> None:
        settled = [id for id, work in self._work.items() if work.state.settled]
        for id in settled[:-MAX_SETTLED]:
            del self._work[id]
