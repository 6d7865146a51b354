"""The queues of delegations: who waits, who is leased until when, who was given up. Told the time, it never waits.

The most urgent is taken first, and among equals the one that was offered first, also after a take-over or a release.
"""

from collections.abc import Iterable, Sequence
from itertools import count
from math import inf

from counterpoint.shared_context.delegations import Delegation, Priority
from counterpoint.shared_context.ids import ConversationId, DelegationId
from counterpoint.shared_context.memory.ledger import Ledger
from counterpoint.shared_context.memory.lineup import Lineup
from counterpoint.shared_context.store import DeadLetter, Fence

DEAD_LETTERS = 1_000
"""Dead letters kept per queue; then the oldest are forgotten (their conversations were told)."""


class Pending:
    """A delegation that is not settled. `attempts`: leases granted; `lost`: those that ran out.

    `fence` is the newest lease's, and None while nobody may write for the delegation.
    """

    __slots__ = ("attempts", "delegation", "expires", "fence", "ledger", "lost", "number", "offered")

    def __init__(self, delegation: Delegation, number: int, offered: float) -> None:
        self.delegation = delegation
        self.offered = offered
        self.number = number
        self.attempts = 0
        self.lost = 0
        self.fence: Fence | None = None
        self.ledger = Ledger()
        self.expires = inf


class Queue:
    __slots__ = ("dead", "leased", "waiting")

    def __init__(self) -> None:
        self.waiting: Lineup[Pending] = Lineup()
        self.leased: Lineup[Pending] = Lineup()
        self.dead: dict[tuple[ConversationId, DelegationId], DeadLetter] = {}

    def candidates(self, now: float, at_least: Priority) -> list[Pending]:
        head = [self.waiting.first()] if len(self.waiting) else []
        return [each for each in (*head, *self.leased.until(now)) if each.delegation.priority <= at_least]


class Queues:
    __slots__ = ("_numbers", "_queues")

    def __init__(self) -> None:
        self._queues: dict[str, Queue] = {}
        self._numbers = count(1)

    def offer(self, delegation: Delegation, now: float) -> Pending:
        pending = Pending(delegation, next(self._numbers), now)
        self._wait(pending)
        return pending

    def take(self, names: Sequence[str], now: float, at_least: Priority = Priority.LOW) -> Pending | None:
        """The most urgent of these queues that waits or whose lease ran out; lease it now, or give it up.

        A lease that ran out stays its worker's, who may only have been slow, until it is taken here.
        """
        candidates = [each for queue in self._named(names) for each in queue.candidates(now, at_least)]
        if not candidates:
            return None
        pending = min(candidates, key=lambda each: (each.delegation.priority, each.number))
        self.remove(pending)
        if pending.fence is not None:
            pending.fence = None
            pending.lost += 1
        return pending

    def lease(self, pending: Pending, fence: Fence, expires: float) -> None:
        pending.fence = fence
        pending.ledger = Ledger()
        pending.attempts += 1
        pending.expires = expires
        self._of(pending).leased.add(expires, pending.number, pending)

    def renew(self, pending: Pending, expires: float) -> None:
        self._unlease(pending)
        pending.expires = expires
        self._of(pending).leased.add(expires, pending.number, pending)

    def release(self, pending: Pending) -> None:
        self._unlease(pending)
        pending.fence = None
        self._wait(pending)

    def remove(self, pending: Pending) -> None:
        """Nobody waits for it and nobody has it any more."""
        if pending.fence is None:
            self._of(pending).waiting.remove(pending.delegation.priority, pending.number)
        else:
            self._unlease(pending)

    def next_expiry(self, names: Sequence[str], at_least: Priority = Priority.LOW) -> float:
        """When the next lease of those that could be taken runs out; infinity if there is none."""
        leased = (each for queue in self._named(names) for each in queue.leased)
        return min((each.expires for each in leased if each.delegation.priority <= at_least), default=inf)

    def bury(self, letter: DeadLetter) -> None:
        dead = self._queue(letter.delegation.queue).dead
        dead[letter.delegation.conversation, letter.delegation.id] = letter
        if len(dead) > DEAD_LETTERS:
            del dead[next(iter(dead))]

    def dead(self, name: str) -> Sequence[DeadLetter]:
        return [letter for queue in self._named([name]) for letter in queue.dead.values()]

    def dead_letter(self, conversation: ConversationId, delegation: DelegationId) -> DeadLetter | None:
        found = (queue.dead.get((conversation, delegation)) for queue in self._queues.values())
        return next((letter for letter in found if letter), None)

    def unbury(self, letter: DeadLetter) -> None:
        del self._queue(letter.delegation.queue).dead[letter.delegation.conversation, letter.delegation.id]

    def forget(self, conversation: ConversationId, pending: Iterable[Pending]) -> None:
        for each in pending:
            self.remove(each)
        for queue in self._queues.values():
            for key in [key for key in queue.dead if key[0] == conversation]:
                del queue.dead[key]

    def _wait(self, pending: Pending) -> None:
        self._of(pending).waiting.add(pending.delegation.priority, pending.number, pending)

    def _unlease(self, pending: Pending) -> None:
        self._of(pending).leased.remove(pending.expires, pending.number)

    def _of(self, pending: Pending) -> Queue:
        return self._queue(pending.delegation.queue)

    def _queue(self, name: str) -> Queue:
        return self._queues.setdefault(name, Queue())

    def _named(self, names: Sequence[str]) -> list[Queue]:
        return [self._queues[name] for name in dict.fromkeys(names) if name in self._queues]
