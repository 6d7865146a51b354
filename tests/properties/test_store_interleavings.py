"""Two hosts, two workers and two followers at the same time, each at its own pace, stalling and being cancelled.

Nobody coordinates them but the store. Afterwards the log alone is judged.
"""

from collections import Counter
from contextlib import aclosing
from itertools import cycle

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint.errors import Fenced, UnknownDelegation
from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Body,
    Closed,
    Entry,
    Orphaned,
    Role,
    Settled,
    Stored,
    ToolReturned,
    Turn,
    Withdrawn,
)
from counterpoint.shared_context.ids import CallId, ConversationId, DelegationId, Position, WriterId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.scribe import orphan
from counterpoint.testing.store_actors import Host, Worker
from counterpoint.testing.store_trial import everything
from counterpoint.testing.virtual_time import VirtualTimeLoop

CONVERSATION = ConversationId("conversation")
LEASE = 1.0

hundredths = st.integers(0, 60).map(lambda each: each / 100)
lives = st.lists(st.tuples(hundredths, st.sampled_from(["say", "ask", "ask", "amend", "withdraw"])), max_size=12)
stalls = st.lists(st.sampled_from([0.0, 0.1, 0.3, 0.9, 1.1, 2.5]), min_size=1, max_size=8)
patience = st.lists(st.integers(1, 200).map(lambda each: each / 100), min_size=1, max_size=5)


class Scene:
    def __init__(self) -> None:
        self.store = MemoryStore(max_attempts=2)
        self.over = False

    async def host(self, host: Host, life: list[tuple[float, str]]) -> None:
        asked: list[DelegationId] = []
        for pause, step in life:
            await anyio.sleep(pause)
            entry = self.next_entry(host, step, asked)
            try:
                await self.send(host, entry)
                await self.send(host, entry)  # as if the reply had been lost
            except UnknownDelegation:
                host.scribe.unwritten([entry])
            except Fenced:
                await self.store.append(host.fence, [orphan(entry)])
                return

    def next_entry(self, host: Host, step: str, asked: list[DelegationId]) -> Entry:
        if step == "ask":
            asked.append(DelegationId(f"{host.fence.writer} {len(asked)}"))
            return host.asking(asked[-1])
        if step == "say" or not asked:
            return host.scribe.write(Turn(text="x"))
        return host.scribe.write(Amended(asked[-1], "better") if step == "amend" else Withdrawn(asked[-1]))

    async def send(self, host: Host, entry: Entry) -> None:
        match entry.body:
            case Asked():
                await self.store.offer(host.fence, entry)
            case Amended():
                await self.store.amend(host.fence, entry)
            case Withdrawn():
                await self.store.withdraw(host.fence, entry)
            case _:
                await self.store.append(host.fence, [entry])

    async def take_over(self, after: float, life: list[tuple[float, str]]) -> None:
        await anyio.sleep(after)
        await self.host(await Host.open(self.store, CONVERSATION, "second"), life)

    async def worker(self, name: str, stalls: list[float], patience: list[float]) -> None:
        pauses, limits = cycle(stalls), cycle(patience)
        while not self.over:
            lease = None
            with anyio.move_on_after(next(limits)):
                lease = await self.store.lease(["default"], WriterId(name), seconds=LEASE, wait=60)
            if lease is not None:
                await self.attempt(Worker(self.store, lease), [next(pauses) for _ in range(3)])

    async def attempt(self, worker: Worker, pauses: list[float]) -> None:
        try:
            for number, pause in enumerate(pauses):
                await anyio.sleep(pause)
                entries = [worker.scribe.write(ToolReturned(worker.delegation, CallId(str(number)), "10:14"))]
                for _ in range(2):
                    await self.store.append(worker.lease.fence, entries)
            entries = worker.settling()
            for _ in range(2):
                await self.store.settle(worker.lease, entries)
        except Fenced:
            return

    async def follower(self, seen: list[Stored], patience: list[float]) -> None:
        limits = cycle(patience)
        while not seen or not isinstance(seen[-1].entry.body, Closed):
            with anyio.move_on_after(next(limits)):
                after = seen[-1].position if seen else Position(0)
                async with aclosing(self.store.follow(CONVERSATION, after)) as entries:
                    async for stored in entries:
                        seen.append(stored)
                        await anyio.sleep(0.01)

    async def until_everything_ended(self) -> None:
        """Nobody coordinates: the worst is that both attempts at every delegation stall."""
        with anyio.fail_after(600):
            while True:
                bodies = [stored.entry.body for stored in await everything(self.store, CONVERSATION)]
                if asked(bodies) == set(ends(bodies)):
                    return
                await anyio.sleep(1)


def asked(bodies: list[Body]) -> set[DelegationId]:
    return {body.delegation.id for body in bodies if isinstance(body, Asked)}


def ends(bodies: list[Body]) -> list[DelegationId]:
    return [body.delegation for body in bodies if isinstance(body, Settled | Withdrawn)]


def judge(log: list[Stored]) -> None:
    """No gap, no duplicate, one end of everything, and nothing by anybody who had been overtaken."""
    assert [stored.position for stored in log] == list(range(1, len(log) + 1))
    counts: Counter[tuple[Role, WriterId, int]] = Counter()
    host_epoch = 0
    leases: dict[DelegationId, int] = {}
    ended: set[DelegationId] = set()
    for stored in log:
        header, body = stored.entry.header, stored.entry.body
        counts[header.role, header.writer, header.epoch] += 1
        assert header.seq == counts[header.role, header.writer, header.epoch]
        if isinstance(body, Orphaned):
            host_epoch = max(host_epoch, header.epoch + 1)  # it had been overtaken
        elif header.role is Role.HOST:
            assert header.epoch >= host_epoch
            host_epoch = header.epoch
        elif isinstance(body, ToolReturned | Settled):
            assert header.epoch >= leases.get(body.delegation, 0)
            assert body.delegation not in ended
            leases[body.delegation] = header.epoch
        if isinstance(body, Settled | Withdrawn):
            ended.add(body.delegation)
    bodies = [stored.entry.body for stored in log]
    assert sorted(ends(bodies)) == sorted(asked(bodies))


@settings(deadline=None, max_examples=60)
@given(
    lives=st.tuples(lives, lives),
    take_over=hundredths.map(lambda each: each * 5),
    stalls=st.tuples(stalls, stalls),
    patience=st.tuples(patience, patience),
)
def test_whatever_they_do_at_the_same_time_the_log_is_whole(
    lives: tuple[list[tuple[float, str]], list[tuple[float, str]]],
    take_over: float,
    stalls: tuple[list[float], list[float]],
    patience: tuple[list[float], list[float]],
) -> None:
    scene = Scene()
    seen: list[list[Stored]] = [[], []]

    async def everybody() -> list[Stored]:
        first = await Host.open(scene.store, CONVERSATION, "first")
        async with anyio.create_task_group() as followers:
            for view, limits in zip(seen, patience, strict=True):
                followers.start_soon(scene.follower, view, limits)
            async with anyio.create_task_group() as workers:
                for number in range(2):
                    workers.start_soon(scene.worker, f"worker {number}", stalls[number], patience[number])
                async with anyio.create_task_group() as hosts:
                    hosts.start_soon(scene.host, first, lives[0])
                    hosts.start_soon(scene.take_over, take_over, lives[1])
                await scene.until_everything_ended()
                scene.over = True
            await (await Host.open(scene.store, CONVERSATION, "last")).close()
        return list(await everything(scene.store, CONVERSATION))

    loop = VirtualTimeLoop()
    try:
        log = loop.run_until_complete(everybody())
    finally:
        loop.close()
    judge(log)
    assert seen == [log, log]
