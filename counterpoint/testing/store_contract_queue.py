"""The store contract, second part: the queues of delegations, and who has one for how long."""

import anyio

from counterpoint.errors import ConfigurationError, Fenced, WriteRefused
from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.entries import Asked, NoteLaid, Role, Turn
from counterpoint.shared_context.ids import DelegationId, NoteId, WriterId
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.store import ContextStore
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import StoreTrial, bodies, everything, refused

RESULT = NoteLaid(Note(NoteId("n1"), NoteKind.RESULT, "At 10:14, platform 3."))


class QueueContract(StoreTrial):
    # offering and leasing

    async def test_what_was_asked_is_leased_with_the_entry_that_asked(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        position = await host.ask("d1")
        worker = await Worker.take(store)
        assert (worker.delegation, worker.lease.delegation.upto, worker.lease.attempt) == ("d1", position, 1)
        assert worker.lease.fence.conversation == host.conversation
        assert [type(body) for body in await bodies(store, host.conversation)] == [Turn, Asked]

    async def test_asking_again_after_a_lost_reply_queues_nothing_twice(self, store: ContextStore) -> None:
        host = await Host.open(store)
        entry = host.asking("d1")
        position = await store.offer(host.fence, entry)
        assert await store.offer(host.fence, entry) == position
        await (await Worker.take(store)).settle()
        assert await store.offer(host.fence, entry) == position
        assert await nothing_waits(store)

    async def test_a_delegation_is_offered_once(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        with refused(WriteRefused):
            await host.ask("d1")
        assert len(await everything(store, host.conversation)) == 1

    async def test_only_what_was_asked_here_is_offered_here(self, store: ContextStore) -> None:
        host, other = await Host.open(store), await Host.open(store, "other")
        with refused(WriteRefused):
            await store.offer(host.fence, host.scribe.write(Turn(text="no question")))
        host.scribe.unwritten([host.scribe.write(Turn())])
        asked = other.asking("d1").body
        with refused(WriteRefused):
            await store.offer(host.fence, (await Host.open(store)).scribe.write(asked))
        assert await nothing_waits(store)

    async def test_the_most_urgent_is_taken_first_and_among_equals_the_oldest(self, store: ContextStore) -> None:
        host, other = await Host.open(store), await Host.open(store, "other")
        await host.ask("low", priority=Priority.LOW)
        await host.ask("first")
        await other.ask("second")
        await host.ask("high", priority=Priority.HIGH)
        await host.ask("third")
        taken = [(await Worker.take(store)).delegation for _ in range(5)]
        assert taken == ["high", "first", "second", "third", "low"]

    async def test_a_worker_takes_from_its_own_queues_only(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("slow", queue="slow")
        await host.ask("quick", queue="quick")
        await host.ask("urgent", queue="quick", priority=Priority.HIGH)
        assert await nothing_waits(store)
        assert (await Worker.take(store, "w", "slow", "quick")).delegation == "urgent"
        assert (await Worker.take(store, "w", "quick")).delegation == "quick"
        assert await nothing_waits(store, "quick")
        assert (await Worker.take(store, "w", "quick", "slow")).delegation == "slow"

    async def test_a_slot_for_urgent_work_takes_nothing_else(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("normal")
        assert await nothing_waits(store, at_least=Priority.HIGH)
        await host.ask("high", priority=Priority.HIGH)
        assert (await Worker.take(store, at_least=Priority.HIGH)).delegation == "high"
        assert (await Worker.take(store, at_least=Priority.NORMAL)).delegation == "normal"

    async def test_a_lease_says_how_long_the_delegation_has_waited(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await self.elapse(self.lease_seconds)
        lease = (await Worker.take(store)).lease
        assert lease.waited is None or self.lease_seconds * 0.9 <= lease.waited < 60

    async def test_a_lease_needs_queues_and_a_duration(self, store: ContextStore) -> None:
        worker = WriterId("worker")
        for queues, seconds, wait in (([], 1.0, 0.0), (["default"], 0.0, 0.0), (["default"], 1.0, -1.0)):
            with refused(ConfigurationError):
                await store.lease(queues, worker, seconds=seconds, wait=wait)

    # waiting

    async def test_nothing_comes_of_waiting_where_nothing_is_asked(self, store: ContextStore) -> None:
        begun = anyio.current_time()
        assert await store.lease(["default"], WriterId("w"), seconds=1, wait=self.moment) is None
        assert anyio.current_time() - begun >= self.moment * 0.9

    async def test_a_waiting_worker_gets_what_is_asked_meanwhile(self, store: ContextStore) -> None:
        host = await Host.open(store)
        taken: list[DelegationId] = []

        async def wait(name: str) -> None:
            taken.append((await Worker.take(store, name, wait=60)).delegation)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, "w1")
            tasks.start_soon(wait, "w2")
            await self.elapse(self.moment)
            await host.ask("d1")
            await self.elapse(self.moment)
            assert taken == ["d1"]
            await host.ask("d2")
        assert taken == ["d1", "d2"]

    async def test_a_waiting_worker_takes_over_when_a_lease_runs_out(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        begun = anyio.current_time()
        lost = await Worker.take(store, "lost", seconds=self.lease_seconds)
        heir = await Worker.take(store, "heir", wait=60)
        assert (heir.delegation, heir.lease.attempt) == (lost.delegation, 2)
        assert self.lease_seconds * 0.9 <= anyio.current_time() - begun < 60

    async def test_a_worker_that_stops_waiting_takes_nothing_with_it(self, store: ContextStore) -> None:
        host = await Host.open(store)
        for each in range(10):
            with anyio.move_on_after(self.moment * each / 10):
                await store.lease(["default"], WriterId("fickle"), seconds=60, wait=60)
            await host.ask(f"d{each}")
            assert (await Worker.take(store, wait=self.moment)).delegation == f"d{each}"

    async def test_what_was_asked_just_as_a_worker_stopped_waiting_is_not_lost(self, store: ContextStore) -> None:
        host = await Host.open(store)

        async def wait() -> None:
            await store.lease(["default"], WriterId("fickle"), seconds=self.lease_seconds, wait=60)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await self.elapse(self.moment)
            await host.ask("d1")
            tasks.cancel_scope.cancel()
        assert (await Worker.take(store, wait=3 * self.lease_seconds)).delegation == "d1"

    # working

    async def test_a_worker_writes_under_its_lease(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        entries = [worker.scribe.write(RESULT)]
        assert list(await store.append(worker.lease.fence, entries)) == [2]
        assert list(await store.append(worker.lease.fence, entries)) == [2]
        log = await everything(store, host.conversation)
        assert [stored.entry.header.role for stored in log] == [Role.HOST, Role.WORKER]
        assert log[1].entry == entries[0]

    async def test_two_delegations_of_one_worker_do_not_mix(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await host.ask("d2")
        one, two = await Worker.take(store), await Worker.take(store)
        assert one.lease.fence.epoch != two.lease.fence.epoch
        await one.append(RESULT)
        await two.append(RESULT)
        await one.settle()
        await two.append(RESULT)
        assert len(await everything(store, host.conversation)) == 6

    async def test_renewing_keeps_a_lease(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store, seconds=self.lease_seconds)
        for _ in range(4):
            await self.elapse(self.lease_seconds / 2)
            await worker.renew()
            assert await nothing_waits(store)
        await worker.settle(RESULT)

    async def test_a_slow_worker_goes_on_if_nobody_took_over(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store, seconds=self.lease_seconds)
        await self.elapse(2 * self.lease_seconds)
        await worker.append(RESULT)
        await worker.renew()
        assert await nothing_waits(store)

    async def test_a_worker_that_was_overtaken_can_do_nothing_more(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        zombie = await Worker.take(store, seconds=self.lease_seconds)
        await zombie.append(RESULT)
        await self.elapse(1.5 * self.lease_seconds)
        heir = await Worker.take(store)
        assert (heir.delegation, heir.lease.attempt) == ("d1", 2)
        assert heir.lease.fence.epoch > zombie.lease.fence.epoch
        with refused(Fenced):
            await zombie.append(RESULT)
        with refused(Fenced):
            await zombie.renew()
        with refused(Fenced):
            await zombie.settle()
        await zombie.release()
        assert await nothing_waits(store)
        await heir.settle(RESULT)
        writers = [stored.entry.header.writer for stored in await everything(store, host.conversation)]
        assert writers == ["host", "worker", "worker", "worker"]

    async def test_a_worker_that_takes_over_from_itself_starts_anew(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        before = await Worker.take(store, "w", seconds=self.lease_seconds)
        await self.elapse(1.5 * self.lease_seconds)
        after = await Worker.take(store, "w")
        await after.append(RESULT)
        with refused(Fenced):
            await before.append(RESULT)

    async def test_a_released_delegation_is_the_next_ones_at_once(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store, seconds=60)
        heirs: list[Worker] = []

        async def wait() -> None:
            heirs.append(await Worker.take(store, "heir", wait=120))

        begun = anyio.current_time()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await self.elapse(self.moment)
            await worker.release()
        assert anyio.current_time() - begun < 30
        assert [(heir.delegation, heir.lease.attempt) for heir in heirs] == [("d1", 2)]
        await worker.release()
        with refused(Fenced):
            await worker.append(RESULT)
        await heirs[0].renew()

    async def test_a_released_delegation_keeps_its_place_in_the_queue(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await host.ask("d2")
        await (await Worker.take(store)).release()
        assert (await Worker.take(store)).delegation == "d1"

    async def test_releasing_is_no_failed_attempt(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        for _ in range(2 * self.attempts):
            await (await Worker.take(store)).release()
        await (await Worker.take(store)).settle(RESULT)
        assert list(await store.dead("default")) == []
