"""Two hosts and two workers do whatever they like in any order; a plain model says what has to come of it.

The model is a list of what must be in the log and a table of who has which delegation. It knows no store.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from counterpoint.errors import Fenced, UnknownDelegation
from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.entries import Amended, Entry, NoteLaid, Role, Settled, Stored, Turn, Withdrawn
from counterpoint.shared_context.ids import ConversationId, DelegationId, NoteId, Position, WriterId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.testing.store_actors import Host, Worker
from counterpoint.testing.store_trial import followed, refused
from counterpoint.testing.virtual_time import VirtualTimeLoop

ATTEMPTS = 3
CONVERSATION = ConversationId("conversation")

slots = st.integers(0, 1)
newest = st.sampled_from([True, True, True, False])
numbers = st.integers(0, 5)


@dataclass
class Work:
    """What must be true of a delegation."""

    id: DelegationId
    order: int
    priority: Priority
    worker: Worker | None = None
    expires: float = 0.0
    attempts: int = 0
    lost: int = 0


@dataclass
class Actor:
    """A host or a worker, and everything that it sent and was told is in the log."""

    who: Any = None
    written: list[tuple[Entry, Position]] = field(default_factory=list)


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualTimeLoop()
        self.store = MemoryStore(max_attempts=ATTEMPTS)
        self.log: list[Entry | type] = []
        self.newest: Host | None = None
        self.hosts = [Actor(), Actor()]
        self.workers = [Actor(), Actor()]
        self.works: dict[DelegationId, Work] = {}
        self.order = 0
        self.trimmed = 0
        self.seen: list[Stored] = []

    def teardown(self) -> None:
        self.loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    # what the actors try, and what the model says of it

    def write(self, actor: Actor, entries: list[Entry], send: Callable[[], Any], *, allowed: bool) -> bool:
        """Send entries; whether they have to be in the log now."""
        if not allowed:
            with refused(Fenced):
                self.run(send())
            actor.who.scribe.unwritten(entries)
            return False
        sent = self.run(send())
        positions = list(sent) if isinstance(sent, list) else [sent]
        first = len(self.log) + 1
        assert positions == list(range(first, first + len(entries)))
        self.log += entries
        actor.written += zip(entries, positions, strict=True)
        return True

    def has_lease(self, worker: Worker) -> bool:
        return any(work.worker is worker for work in self.works.values())

    def host(self, newest: bool) -> Actor:
        """The host that may write, or the other one."""
        return next((actor for actor in self.hosts if (actor.who is self.newest) == newest), self.hosts[0])

    # rules

    @initialize()
    def begin(self) -> None:
        self.open(0)

    @rule(slot=slots)
    def open(self, slot: int) -> None:
        host = self.run(Host.open(self.store, writer=f"host {slot}"))
        assert host.tail == len(self.log)
        assert self.newest is None or host.fence.epoch > self.newest.fence.epoch
        self.newest = host
        self.hosts[slot] = Actor(host)

    @rule(newest=newest, count=st.integers(1, 3))
    def say(self, newest: bool, count: int) -> None:
        actor = self.host(newest)
        if host := actor.who:
            entries = [host.scribe.write(Turn(text="x")) for _ in range(count)]
            send = partial(self.store.append, host.fence, entries)
            self.write(actor, entries, send, allowed=host is self.newest)

    @rule(newest=newest, priorities=st.lists(st.sampled_from(Priority), min_size=1, max_size=4))
    def ask(self, newest: bool, priorities: list[Priority]) -> None:
        actor = self.host(newest)
        for priority in priorities if actor.who else []:
            self.order += 1
            entry = actor.who.asking(f"d{self.order}", priority=priority)
            send = partial(self.store.offer, actor.who.fence, entry)
            if self.write(actor, [entry], send, allowed=actor.who is self.newest):
                work = Work(entry.body.delegation.id, self.order, priority)
                self.works[work.id] = work

    @rule(newest=newest, number=numbers, withdraw=st.booleans())
    def correct(self, newest: bool, number: int, withdraw: bool) -> None:
        actor = self.host(newest)
        if not actor.who or not self.order:
            return
        delegation = DelegationId(f"d{max(1, self.order - number)}")
        entry = actor.who.scribe.write(Withdrawn(delegation) if withdraw else Amended(delegation, "better"))
        send = partial(self.store.withdraw if withdraw else self.store.amend, actor.who.fence, entry)
        allowed = actor.who is self.newest
        if allowed and delegation not in self.works:
            with refused(UnknownDelegation):
                self.run(send())
            actor.who.scribe.unwritten([entry])
        elif self.write(actor, [entry], send, allowed=allowed) and withdraw:
            del self.works[delegation]

    @rule(slot=slots, after=st.sampled_from([0.0, 0.5, 1.0]))
    def lease(self, slot: int, after: float) -> None:
        self.run(anyio.sleep(after))
        now = self.loop.time()
        while free := [work for work in self.works.values() if work.worker is None or work.expires <= now]:
            work = min(free, key=lambda each: (each.priority, each.order))
            work.lost += work.worker is not None
            work.worker = None
            if work.lost < ATTEMPTS:
                break
            self.log += [NoteLaid, Settled]
            del self.works[work.id]
        lease = self.run(self.store.lease(["default"], WriterId(f"worker {slot}"), seconds=1.0, wait=0.0))
        if not free:
            assert lease is None
            return
        assert lease is not None
        work.attempts += 1
        assert (lease.delegation.id, lease.attempt) == (work.id, work.attempts)
        work.worker = Worker(self.store, lease)
        work.expires = now + 1.0
        self.workers[slot] = Actor(work.worker)

    @rule(slot=slots, settle=st.booleans())
    def work(self, slot: int, settle: bool) -> None:
        if worker := self.workers[slot].who:
            note = NoteLaid(Note(NoteId("n"), NoteKind.PARTIAL, "10:14", delegation=worker.delegation))
            entries = worker.settling(note) if settle else [worker.scribe.write(note)]
            settling = partial(self.store.settle, worker.lease, entries)
            send = settling if settle else partial(self.store.append, worker.lease.fence, entries)
            if self.write(self.workers[slot], entries, send, allowed=self.has_lease(worker)) and settle:
                del self.works[worker.delegation]

    @rule(slot=slots)
    def renew(self, slot: int) -> None:
        if worker := self.workers[slot].who:
            if self.has_lease(worker):
                self.run(worker.renew())
                self.works[worker.delegation].expires = self.loop.time() + 1.0
            else:
                with refused(Fenced):
                    self.run(worker.renew())

    @rule(slot=slots)
    def release(self, slot: int) -> None:
        if worker := self.workers[slot].who:
            self.run(worker.release())
            if self.has_lease(worker):
                self.works[worker.delegation].worker = None

    @rule(slot=slots, which=numbers, host=st.booleans())
    def send_again(self, slot: int, which: int, host: bool) -> None:
        """The reply was lost: whoever may still write is told where its entries are."""
        actor = (self.hosts if host else self.workers)[slot]
        if not actor.written:
            return
        sent = actor.written[which % len(actor.written) :]
        plain = [(entry, position) for entry, position in sent if isinstance(entry.body, Turn | NoteLaid)]
        fence = actor.who.fence if host else actor.who.lease.fence
        settled = not host and isinstance(actor.written[-1][0].body, Settled)
        allowed = actor.who is self.newest if host else self.has_lease(actor.who) or settled
        entries = [entry for entry, _ in plain]
        if allowed:
            assert list(self.run(self.store.append(fence, entries))) == [position for _, position in plain]
        else:
            with refused(Fenced):
                self.run(self.store.append(fence, entries))

    @precondition(lambda self: len(self.log) > self.trimmed)
    @rule(share=st.integers(1, 4))
    def trim(self, share: int) -> None:
        upto = Position(self.trimmed + max(1, (len(self.log) - self.trimmed) // share))
        self.run(self.store.snapshot(self.newest.fence, upto, b"compacted"))
        self.run(self.store.trim(self.newest.fence, upto))
        self.trimmed = upto

    # what must always be true

    @invariant()
    def the_log_is_what_the_model_says(self) -> None:
        if self.newest is None:
            return
        log = list(self.run(self.store.read(CONVERSATION, Position(0), 10_000)))
        assert [stored.position for stored in log] == list(range(self.trimmed + 1, len(self.log) + 1))
        for stored, expected in zip(log, self.log[self.trimmed :], strict=True):
            assert stored.entry == expected or type(stored.entry.body) is expected

    @invariant()
    def a_follower_that_comes_and_goes_sees_every_entry_once(self) -> None:
        after = self.seen[-1].position if self.seen else Position(0)
        if len(self.log) > after:
            self.seen += self.run(
                followed(self.store, CONVERSATION, after, count=len(self.log) - max(after, self.trimmed))
            )
            assert self.seen[-1].position == len(self.log)

    @invariant()
    def every_writer_counts_without_gaps_and_only_the_newest_is_heard(self) -> None:
        counts: dict[tuple[Role, WriterId, int], int] = {}
        newest: dict[DelegationId | None, int] = {}
        ended: set[DelegationId] = set()
        for stored in self.seen:
            header, body = stored.entry.header, stored.entry.body
            key = (header.role, header.writer, header.epoch)
            assert header.seq == counts.get(key, 0) + 1
            counts[key] = header.seq
            delegation = None if header.role is Role.HOST else of(body)
            assert header.epoch >= newest.get(delegation, 0)
            newest[delegation] = header.epoch
            if isinstance(body, Settled | Withdrawn):
                assert body.delegation not in ended
                ended.add(body.delegation)


def of(body: Any) -> DelegationId | None:
    return body.note.delegation if isinstance(body, NoteLaid) else body.delegation


StoreMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
TestStoreMachine = StoreMachine.TestCase
