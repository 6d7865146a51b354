"""What holds for a store that comes back without its last writes: a contract of its own, for a store under test that
can be set back. Subclass it and say how (`remembered`).
"""

from collections.abc import Awaitable, Callable

import anyio
from msgspec.structs import replace

from counterpoint.errors import ConversationClosed, Fenced, Rewound, UnknownConversation, UnknownDelegation
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import Amended, Asked, NoteLaid, Settled, Stored, Turn
from counterpoint.shared_context.ids import ConversationId, DelegationId, NoteId, Position
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.store import ContextStore, Restoration, Snapshot, Standing
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import StoreTrial, bodies, everything, followed, refused, texts

SetBack = Callable[[], Awaitable[None]]


class RewindContract(StoreTrial):
    async def remembered(self, store: ContextStore) -> SetBack:
        """What sets the store under test back to how it is now. Nothing that was given out meanwhile is given again."""
        raise NotImplementedError

    # what a follower notices

    async def test_a_follower_notices_that_the_log_became_shorter(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        set_back = await self.remembered(store)
        await host.say("b")
        [_, second] = await everything(store, host.conversation)
        await set_back()
        with refused(Rewound):
            await followed(store, host.conversation, second.position, count=1)

    async def test_a_follower_notices_another_entry_in_the_place_of_one_it_saw(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        set_back = await self.remembered(store)
        [second] = await host.say("b")
        seen = (await everything(store, host.conversation))[-1]
        await set_back()
        assert list(await (await Host.open(store, writer="somebody else")).say("c")) == [second]
        with refused(Rewound):
            await _first(store, seen)

    async def test_a_follower_that_waits_is_told(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        set_back = await self.remembered(store)
        await host.say("b")
        told: list[str] = []

        async def follow() -> None:
            with refused(Rewound):
                await followed(store, host.conversation)
            told.append("rewound")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await self.elapse(self.moment)
            await set_back()
            await (await Host.open(store, writer="somebody else")).say("other")
        assert told == ["rewound"]

    async def test_a_follower_of_a_lost_conversation_is_told_so(self, store: ContextStore) -> None:
        set_back = await self.remembered(store)
        host = await Host.open(store)
        await host.say("a")
        await set_back()
        with refused(UnknownConversation):
            await followed(store, host.conversation, Position(1), count=1)

    # where a host stands

    async def test_a_host_learns_how_far_the_store_has_come(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a", "b")
        await store.snapshot(host.fence, Position(1), b"a")
        newest = (await everything(store, host.conversation))[-1]
        assert await store.standing(host.fence) == Standing(Position(2), newest.stamp, 2, Position(1), held=True)

    async def test_a_host_whose_opening_was_lost_learns_that(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        await old.say("a")
        set_back = await self.remembered(store)
        new = await Host.open(store, writer="new")
        await set_back()
        standing = await store.standing(new.fence)
        assert (standing.tail, standing.last, standing.held) == (1, 0, False)

    async def test_a_host_of_a_lost_conversation_learns_that(self, store: ContextStore) -> None:
        set_back = await self.remembered(store)
        host = await Host.open(store)
        await set_back()
        assert await store.standing(host.fence) == Standing()

    async def test_nobody_takes_from_a_newer_host(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        await Host.open(store, writer="new")
        with refused(Fenced):
            await store.standing(old.fence)
        with refused(Fenced):
            await give_back(store, old)

    async def test_what_was_closed_or_forgotten_is_not_given_back(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        await host.close()
        with refused(ConversationClosed):
            await give_back(store, host, *await everything(store, host.conversation))
        await store.forget(host.conversation)
        with refused(ConversationClosed):
            await store.standing(host.fence)
        with refused(ConversationClosed):
            await give_back(store, host)
        with refused(UnknownConversation):
            await store.read(host.conversation)

    # giving back

    async def test_what_was_lost_is_put_back_where_it_was(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        set_back = await self.remembered(store)
        await host.say("b", "c")
        before = await everything(store, host.conversation)
        await set_back()
        standing = await give_back(store, host, *before[1:], last=3)
        assert await everything(store, host.conversation) == before
        assert (standing.tail, standing.last, standing.held) == (3, 3, True)
        assert list(await host.say("d")) == [4]

    async def test_giving_back_again_after_a_lost_reply_changes_nothing(self, store: ContextStore) -> None:
        host = await Host.open(store)
        set_back = await self.remembered(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        await worker.append(NOTE)
        before = await everything(store, host.conversation)
        await set_back()
        tail = (await store.standing(host.fence)).tail
        for _ in range(2):
            await give_back(store, host, *before, last=1, unsettled=[_asked(before[0])], tail=tail)
        assert await everything(store, host.conversation) == before

    async def test_a_lost_conversation_comes_back_whole(self, store: ContextStore) -> None:
        set_back = await self.remembered(store)
        host = await Host.open(store)
        await host.say("a", "b")
        before = await everything(store, host.conversation)
        await set_back()
        await give_back(store, host, *before, last=2)
        assert await everything(store, host.conversation) == before
        await host.say("c")
        assert await texts(store, host.conversation) == ["a", "b", "c"]

    async def test_a_host_whose_opening_was_lost_is_the_host_again(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        await old.say("a")
        set_back = await self.remembered(store)
        new = await Host.open(store, writer="new")
        await new.say("b")
        before = await everything(store, old.conversation)
        await set_back()
        await give_back(store, new, before[-1], last=1)
        with refused(Fenced):
            await old.say("zombie")
        await new.say("c")
        assert await texts(store, new.conversation) == ["a", "b", "c"]

    async def test_what_nobody_has_any_more_is_covered_by_a_snapshot(self, store: ContextStore) -> None:
        set_back = await self.remembered(store)
        host = await Host.open(store)
        await host.say(*"abc")
        newest = (await everything(store, host.conversation))[-1]
        await set_back()
        snapshot = Snapshot(Position(3), b"abc")
        await give_back(store, host, newest, last=3, snapshot=snapshot)
        assert await everything(store, host.conversation) == [newest]
        assert await store.last_snapshot(host.conversation) == snapshot
        assert list(await host.say("d")) == [4]

    async def test_what_others_wrote_meanwhile_stays_and_what_was_lost_follows(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store, seconds=60)
        set_back = await self.remembered(store)
        await host.say("b", "c")
        lost = (await everything(store, host.conversation))[1:]
        await set_back()
        await worker.append(NOTE)
        asked = (await everything(store, host.conversation))[0]
        await give_back(store, host, *lost, last=3, unsettled=[_asked(asked)])
        assert await bodies(store, host.conversation) == [
            asked.entry.body,
            NOTE,
            Turn(text="b"),
            Turn(text="c"),
        ]

    async def test_a_host_that_looked_too_early_has_to_look_again(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        set_back = await self.remembered(store)
        await host.say("b")
        before = await everything(store, host.conversation)
        await set_back()
        with refused(Rewound):
            await give_back(store, host, before[-1], last=2, tail=Position(0))
        assert await texts(store, host.conversation) == ["a"]

    # delegations

    async def test_what_was_asked_and_lost_is_leased_again(self, store: ContextStore) -> None:
        host = await Host.open(store)
        set_back = await self.remembered(store)
        position = await host.ask("d1")
        before = await everything(store, host.conversation)
        await set_back()
        assert await nothing_waits(store)
        await give_back(store, host, *before, last=1, unsettled=[_asked(before[0])])
        worker = await Worker.take(store, wait=5)
        assert (worker.delegation, worker.lease.delegation.upto) == ("d1", position)

    async def test_what_was_settled_and_lost_is_not_leased_again(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        set_back = await self.remembered(store)
        worker = await Worker.take(store)
        await worker.settle(NOTE)
        before = await everything(store, host.conversation)
        await set_back()
        await give_back(store, host, *before[1:], last=1)
        assert await nothing_waits(store)
        assert await everything(store, host.conversation) == before
        with refused(UnknownDelegation):
            await host.amend("d1", "tomorrow")

    async def test_a_worker_goes_on_where_its_entries_were_given_back(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store, seconds=60)
        set_back = await self.remembered(store)
        await worker.append(NOTE)
        before = await everything(store, host.conversation)
        await set_back()
        await give_back(store, host, before[-1], last=1, unsettled=[_asked(before[0])])
        await worker.renew()
        await worker.settle()
        kinds = [type(body) for body in await bodies(store, host.conversation)]
        assert kinds == [Asked, NoteLaid, Settled]

    async def test_what_a_worker_sent_again_itself_is_not_doubled(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store, seconds=60)
        set_back = await self.remembered(store)
        entry = worker.scribe.write(NOTE)
        await store.append(worker.lease.fence, [entry])
        before = await everything(store, host.conversation)
        await set_back()
        await store.append(worker.lease.fence, [entry])
        await give_back(store, host, before[-1], last=1, unsettled=[_asked(before[0])])
        assert [type(body) for body in await bodies(store, host.conversation)] == [Asked, NoteLaid]

    async def test_a_withdrawal_that_was_lost_holds_again(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store, seconds=60)
        set_back = await self.remembered(store)
        await host.withdraw("d1")
        before = await everything(store, host.conversation)
        await set_back()
        await worker.renew()
        await give_back(store, host, before[-1], last=2)
        with refused(Fenced):
            await worker.renew()
        assert await nothing_waits(store)

    async def test_a_correction_that_was_lost_reaches_the_log_again(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store, seconds=60)
        set_back = await self.remembered(store)
        await host.amend("d1", "tomorrow")
        before = await everything(store, host.conversation)
        await set_back()
        await give_back(store, host, before[-1], last=2, unsettled=[_asked(before[0])])
        await worker.renew()
        assert (await bodies(store, host.conversation))[1:] == [Amended(DelegationId("d1"), "tomorrow")]

    async def test_an_epoch_is_never_given_twice(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        set_back = await self.remembered(store)
        lost = await Host.open(store, writer="lost")
        worker = await Worker.take(store, "same name", seconds=60)
        await set_back()
        again = await Host.open(store, writer="lost")
        assert again.fence.epoch > lost.fence.epoch
        with refused(Fenced):
            await lost.say("zombie")
        other = await Worker.take(store, "same name", wait=5, seconds=60)
        assert other.lease.fence.epoch != worker.lease.fence.epoch
        with refused(Fenced):
            await worker.renew()


NOTE = NoteLaid(Note(NoteId("n1"), NoteKind.PARTIAL, "At 10:14."))


async def give_back(
    store: ContextStore,
    host: Host,
    *entries: Stored,
    last: int = 0,
    unsettled: list[Delegation] | None = None,
    snapshot: Snapshot | None = None,
    tail: Position | None = None,
) -> Standing:
    """As a host does that knows of these entries."""
    base = Position(entries[0].position - 1 if entries else 0)
    seen = (await store.standing(host.fence)).tail if tail is None else tail
    given = Restoration(f"{base}-{len(entries)}", seen, base, entries, last, tuple(unsettled or ()), snapshot)
    return await store.restore(host.fence, given)


def _asked(stored: Stored) -> Delegation:
    """What the timeline says of it."""
    match stored.entry.body:
        case Asked(delegation=delegation):
            return replace(delegation, upto=stored.position)
        case other:
            raise AssertionError(f"nothing was asked at {stored.position}: {other}")


async def _first(store: ContextStore, seen: Stored) -> None:
    conversation = ConversationId("conversation")
    async for _ in store.follow(conversation, seen.position, seen.stamp):
        return
