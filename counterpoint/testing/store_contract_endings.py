"""The store contract, third part: how a delegation ends, exactly once."""

import anyio

from counterpoint.errors import Fenced, UnknownDelegation, WriteRefused
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Amended, Asked, NoteLaid, Settled, ToolReturned, Withdrawn
from counterpoint.shared_context.ids import CallId, DelegationId, NoteId
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.store import ContextStore
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import StoreTrial, bodies, everything, refused

BOOKED = ToolReturned(DelegationId("d1"), CallId("d1:1"), "booked")
RESULT = NoteLaid(Note(NoteId("n1"), NoteKind.RESULT, "At 10:14, platform 3."))


class EndingsContract(StoreTrial):
    # settling

    async def test_a_settled_delegation_is_over(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store, seconds=self.lease_seconds)
        assert list(await worker.settle(RESULT)) == [2, 3]
        with refused(Fenced):
            await worker.renew()
        with refused(Fenced):
            await worker.append(RESULT)
        await worker.release()
        await self.elapse(1.5 * self.lease_seconds)
        assert await nothing_waits(store)
        assert len(await everything(store, host.conversation)) == 3

    async def test_settling_again_after_a_lost_reply_gives_the_same_positions(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        entries = worker.settling(RESULT)
        await store.append(worker.lease.fence, entries[:1])
        await host.say("meanwhile")
        positions = list(await store.settle(worker.lease, entries))
        assert positions == [2, 4]
        assert list(await store.settle(worker.lease, entries)) == positions
        assert list(await store.append(worker.lease.fence, entries[:1])) == [2]
        assert len(await everything(store, host.conversation)) == 4

    async def test_settling_takes_one_end_of_the_leased_delegation(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        wrong = (
            [RESULT],
            [Settled(DelegationId("d2"), DelegationState.DONE)],
            [Settled(worker.delegation, DelegationState.TAKEN)],
            [Settled(worker.delegation, DelegationState.DONE), Settled(worker.delegation, DelegationState.FAILED)],
            [Withdrawn(worker.delegation), Settled(worker.delegation, DelegationState.DONE)],
        )
        for each in wrong:
            entries = [worker.scribe.write(body) for body in each]
            with refused(WriteRefused):
                await store.settle(worker.lease, entries)
            worker.scribe.unwritten(entries)
        await worker.settle(RESULT)

    # the host outranks the lease

    async def test_a_correction_reaches_the_log_and_leaves_the_lease(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await host.amend("d1", "before anybody took it")
        worker = await Worker.take(store)
        await host.amend("d1", "and while somebody works on it")
        await worker.renew()
        await worker.settle(RESULT)
        kinds = [type(body) for body in await bodies(store, host.conversation)]
        assert kinds == [Asked, Amended, Amended, NoteLaid, Settled]

    async def test_withdrawing_fences_the_worker(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        await host.withdraw("d1")
        with refused(Fenced):
            await worker.append(RESULT)
        with refused(Fenced):
            await worker.renew()
        with refused(Fenced):
            await worker.settle(RESULT)
        await worker.release()
        assert await nothing_waits(store)

    async def test_the_worker_of_a_withdrawn_delegation_may_tell_once_what_it_could_not_stop(
        self, store: ContextStore
    ) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        await host.withdraw("d1")
        last = worker.settling(BOOKED, state=DelegationState.WITHDRAWN)
        for _ in range(2):
            assert list(await store.settle(worker.lease, last)) == [3, 4]
        with refused(Fenced):
            await worker.settle(state=DelegationState.WITHDRAWN)
        kinds = [type(body) for body in await bodies(store, host.conversation)]
        assert kinds == [Asked, Withdrawn, ToolReturned, Settled]

    async def test_only_the_worker_that_had_it_tells_of_a_withdrawn_delegation(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        lost = await Worker.take(store, seconds=self.lease_seconds)
        await self.elapse(1.5 * self.lease_seconds)
        await Worker.take(store, "another")
        await host.withdraw("d1")
        with refused(Fenced):
            await lost.settle(BOOKED, state=DelegationState.WITHDRAWN)

    async def test_a_withdrawn_delegation_is_not_leased(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await host.ask("d2")
        await host.withdraw("d1")
        assert (await Worker.take(store)).delegation == "d2"
        assert await nothing_waits(store)

    async def test_withdrawing_and_amending_again_after_a_lost_reply_is_no_error(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        amended = host.scribe.write(Amended(DelegationId("d1"), "tomorrow"))
        withdrawn = host.scribe.write(Withdrawn(DelegationId("d1")))
        for _ in range(2):
            await store.amend(host.fence, amended)
        for _ in range(2):
            assert await store.withdraw(host.fence, withdrawn) == 3
        assert await store.amend(host.fence, amended) == 2

    async def test_what_is_settled_can_be_neither_amended_nor_withdrawn(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await (await Worker.take(store)).settle()
        for delegation in ("d1", "never offered"):
            late = host.scribe.write(Withdrawn(DelegationId(delegation)))
            with refused(UnknownDelegation):
                await store.withdraw(host.fence, late)
            host.scribe.unwritten([late])
            late = host.scribe.write(Amended(DelegationId(delegation), "late"))
            with refused(UnknownDelegation):
                await store.amend(host.fence, late)
            host.scribe.unwritten([late])
        await host.say("and the host goes on")

    async def test_a_worker_neither_asks_nor_amends_nor_withdraws(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        fence = worker.lease.fence
        with refused(WriteRefused):
            await store.offer(fence, worker.scribe.write(host.asking("d2").body))
        with refused(WriteRefused):
            await store.amend(fence, worker.scribe.write(Amended(worker.delegation, "x")))
        with refused(WriteRefused):
            await store.withdraw(fence, worker.scribe.write(Withdrawn(worker.delegation)))

    async def test_delegations_outlive_their_host(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        await old.ask("d1")
        await old.ask("d2")
        worker = await Worker.take(store)
        new = await Host.open(store, writer="new")
        await worker.settle(RESULT)
        await new.withdraw("d2")
        assert await nothing_waits(store)

    # giving up

    async def give_up(self, store: ContextStore) -> Worker:
        """Lose every worker of the only delegation there is; the last of them."""
        lost: list[Worker] = []
        while len(lost) < self.attempts:
            lost.append(await Worker.take(store, f"lost {len(lost)}", seconds=self.lease_seconds))
            assert lost[-1].lease.attempt == len(lost)
            await lost[-1].append(RESULT)
            await self.elapse(1.5 * self.lease_seconds)
        assert await nothing_waits(store)
        return lost[-1]

    async def test_after_too_many_attempts_the_person_is_told_once(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        last = await self.give_up(store)
        for _ in range(3):
            assert await nothing_waits(store)
        told = [stored.entry for stored in await everything(store, host.conversation)][self.attempts + 1 :]
        note, settled = (entry.body for entry in told)
        assert isinstance(note, NoteLaid)
        assert (note.note.kind, note.note.delegation) == (NoteKind.FAILURE, "d1")
        assert "When is the next train?" in note.note.text
        assert isinstance(settled, Settled)
        assert (settled.delegation, settled.state) == ("d1", DelegationState.FAILED)
        assert [entry.header.seq for entry in told] == [1, 2]
        assert told[0].header.epoch > last.lease.fence.epoch
        with refused(Fenced):
            await last.settle(RESULT)
        with refused(UnknownDelegation):
            await host.withdraw("d1")

    async def test_what_was_given_up_is_found_among_the_dead_letters(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1", queue="default")
        await self.give_up(store)
        [letter] = await store.dead("default")
        assert (letter.delegation.id, letter.delegation.attempts) == ("d1", self.attempts)
        assert letter.reason
        assert list(await store.dead("other")) == []

    async def test_a_dead_letter_can_be_tried_again_from_the_start(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        last = await self.give_up(store)
        await store.retry(host.conversation, DelegationId("d1"))
        assert list(await store.dead("default")) == []
        await host.amend("d1", "still wanted")
        worker = await Worker.take(store)
        assert (worker.delegation, worker.lease.attempt) == ("d1", 1)
        assert worker.lease.fence.epoch > last.lease.fence.epoch
        await worker.settle(RESULT)
        with refused(UnknownDelegation):
            await store.retry(host.conversation, DelegationId("d1"))

    async def test_each_time_it_is_given_up_is_told(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await self.give_up(store)
        await store.retry(host.conversation, DelegationId("d1"))
        await self.give_up(store)
        log = await bodies(store, host.conversation)
        failures = [body.note.id for body in log if isinstance(body, NoteLaid) and body.note.kind is NoteKind.FAILURE]
        assert len(set(failures)) == len(failures) == 2

    async def test_only_dead_letters_are_tried_again(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        for delegation in ("d1", "never offered"):
            with refused(UnknownDelegation):
                await store.retry(host.conversation, DelegationId(delegation))

    async def test_a_waiting_worker_gets_a_dead_letter_that_is_tried_again(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await self.give_up(store)
        heirs: list[Worker] = []

        async def wait() -> None:
            heirs.append(await Worker.take(store, "heir", wait=60))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await self.elapse(self.moment)
            await store.retry(host.conversation, DelegationId("d1"))
        assert [heir.delegation for heir in heirs] == ["d1"]
