"""What waits to be written: in order, bounded, without what is pointless by the time it can be sent. It never waits."""

from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import Final

import msgspec

from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Body,
    Closed,
    Degraded,
    Recovered,
    TooLate,
    Withdrawn,
)
from counterpoint.shared_context.ids import Beat, DelegationId, Position

OUTBOX_ENTRIES: Final = 10_000
"""Entries that wait for the store; beyond this the oldest that carry no delegation are given up, and counted."""

BATCH: Final = 256

STALE_ASK_SECONDS: Final = 1.0
"""What was asked so long before it could be sent was held up: it may be pointless by now."""

Addressed = Asked | Amended | Withdrawn | Closed
"""What is not merely appended."""


class Pending(msgspec.Struct, frozen=True):
    body: Body
    beat: Beat
    at: float
    cause: Position | None = None
    trace: str | None = None


class Outbox:
    """`given_up`: entries that did not fit."""

    def __init__(self) -> None:
        self.given_up = 0
        self._waiting: deque[Pending] = deque()
        self._never_asked: set[DelegationId] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Pending]:
        return iter(self._waiting)

    @property
    def head(self) -> Pending:
        return self._waiting[0]

    @property
    def beat(self) -> Beat:
        """Of what waits longest."""
        return self._waiting[0].beat if self._waiting else Beat(0)

    def add(self, pending: Pending) -> None:
        if len(self._waiting) >= OUTBOX_ENTRIES:
            self._give_one_up()
        self._waiting.append(pending)

    def put_first(self, body: Body, beat: Beat | None, at: float) -> None:
        self._waiting.appendleft(Pending(body, beat or Beat(0), at))

    def take(self) -> list[Pending]:
        """What is sent at once: one that is addressed, or several that are merely appended."""
        plain = takewhile(lambda each: not isinstance(each.body, Addressed), islice(self._waiting, BATCH))
        count = sum(1 for _ in plain) or 1
        return [self._waiting.popleft() for _ in range(count)]

    def take_all(self) -> list[Pending]:
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def forgo(self, now: float) -> TooLate | None:
        """What waits longest, if it is pointless: in its place stands that nothing came of it."""
        pending = self._waiting[0]
        body = pending.body
        if not isinstance(body, Asked | Amended | Withdrawn) or not self.is_pointless(body, now - pending.at):
            return None
        late = TooLate(body)
        self._waiting[0] = msgspec.structs.replace(pending, body=late)
        return late

    def is_pointless(self, body: Body, waited: float) -> bool:
        """What was asked during a long outage, and was withdrawn or has run out of time since, is never begun."""
        match body:
            case Asked(delegation=delegation) if waited > STALE_ASK_SECONDS:
                if waited > delegation.seconds or self._is_withdrawn(delegation.id):
                    self._never_asked.add(delegation.id)
                return delegation.id in self._never_asked
            case Amended(delegation=id) | Withdrawn(delegation=id):
                return id in self._never_asked
            case _:
                return False

    def kinds(self) -> Counter[str]:
        return Counter(type(pending.body).__name__ for pending in self._waiting)

    def _is_withdrawn(self, delegation: DelegationId) -> bool:
        bodies = (pending.body for pending in self._waiting)
        return any(isinstance(body, Withdrawn) and body.delegation == delegation for body in bodies)

    def _give_one_up(self) -> None:
        for index, pending in enumerate(self._waiting):
            if not isinstance(pending.body, Addressed | Degraded | Recovered):
                del self._waiting[index]
                self.given_up += 1
                return
