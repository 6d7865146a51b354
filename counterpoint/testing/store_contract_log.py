"""The store contract, first part: the log, who may write to it, and who reads it."""

from contextlib import aclosing

import anyio
import anyio.lowlevel
import msgspec

from counterpoint.errors import (
    ConfigurationError,
    ConversationClosed,
    Fenced,
    SequenceGap,
    UnknownConversation,
    WriteRefused,
)
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Closed,
    Orphaned,
    Settled,
    Stored,
    Turn,
    Unknown,
    Withdrawn,
)
from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId, Position, WriterId
from counterpoint.shared_context.scribe import Scribe, orphan
from counterpoint.shared_context.store import ContextStore, Fence
from counterpoint.testing.store_actors import Host, Worker
from counterpoint.testing.store_trial import START, StoreTrial, bodies, everything, followed, refused, texts

NOWHERE = ConversationId("never opened")


class LogContract(StoreTrial):
    # order and numbers

    async def test_a_new_conversation_is_empty(self, store: ContextStore) -> None:
        host = await Host.open(store)
        assert host.tail == 0
        assert await everything(store, host.conversation) == []

    async def test_positions_count_from_one_in_the_order_of_writing(self, store: ContextStore) -> None:
        host = await Host.open(store)
        assert list(await host.say("a", "b")) == [1, 2]
        assert list(await host.say("c")) == [3]
        assert await texts(store, host.conversation) == ["a", "b", "c"]

    async def test_entries_come_back_as_they_were_written(self, store: ContextStore) -> None:
        host = await Host.open(store)
        entry = host.scribe.write(Turn(text="Grüße, 旅"), cause=Position(7), trace="00-4bf9-00f0-01")
        await store.append(host.fence, [entry])
        [stored] = await everything(store, host.conversation)
        assert stored == Stored(Position(1), entry, stored.stamp)

    async def test_conversations_do_not_mix(self, store: ContextStore) -> None:
        one, other = await Host.open(store, "one"), await Host.open(store, "other")
        await one.say("a")
        assert list(await other.say("b")) == [1]
        assert await texts(store, one.conversation) == ["a"]

    async def test_an_entry_of_an_unknown_kind_is_kept_byte_for_byte(self, store: ContextStore) -> None:
        host = await Host.open(store)
        raw = msgspec.msgpack.encode({"later": [1, {"b": b"\x00\xff"}], "kind": "gesture"})
        await host.append(Unknown("gesture", raw))
        assert await bodies(store, host.conversation) == [Unknown("gesture", raw)]

    async def test_an_entry_sent_again_has_the_position_it_had(self, store: ContextStore) -> None:
        host = await Host.open(store)
        first, second, third = (host.scribe.write(Turn(text=text)) for text in "abc")
        assert list(await store.append(host.fence, [first, second])) == [1, 2]
        assert list(await store.append(host.fence, [first, second])) == [1, 2]
        assert list(await store.append(host.fence, [second, third])) == [2, 3]
        assert await texts(store, host.conversation) == ["a", "b", "c"]

    async def test_a_batch_with_a_gap_is_refused_whole(self, store: ContextStore) -> None:
        host = await Host.open(store)
        first, _, third = (host.scribe.write(Turn(text=text)) for text in "abc")
        with refused(SequenceGap):
            await store.append(host.fence, [first, third])
        assert await texts(store, host.conversation) == []

    async def test_a_gap_names_the_entry_that_is_missing(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        host.scribe.write(Turn(text="lost"))
        with refused(SequenceGap) as gaps:
            await host.say("c")
        assert [(gap.expected, gap.got) for gap in gaps] == [(2, 3)]

    async def test_nothing_to_append_is_no_error(self, store: ContextStore) -> None:
        host = await Host.open(store)
        assert list(await store.append(host.fence, [])) == []

    # who may write

    async def test_a_new_host_goes_on_after_the_newest_entry(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        await old.say("a", "b")
        new = await Host.open(store, writer="new")
        assert new.tail == 2
        assert new.fence.epoch > old.fence.epoch
        assert list(await new.say("c")) == [3]

    async def test_an_old_host_is_fenced_in_everything_it_does(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        await old.say("a")
        await old.ask("d1")
        await Host.open(store, writer="new")
        for write in (old.say("b"), old.ask("d2"), old.amend("d1", "later"), old.withdraw("d1"), old.close()):
            with refused(Fenced):
                await write
        with refused(Fenced):
            await store.snapshot(old.fence, Position(1), b"")
        with refused(Fenced):
            await store.trim(old.fence, Position(1))
        with refused(Fenced):
            await store.put_media(old.fence, MediaId("m"), b"x", ttl=1)
        assert len(await everything(store, old.conversation)) == 2

    async def test_a_host_that_opens_again_fences_itself(self, store: ContextStore) -> None:
        before = await Host.open(store)
        await Host.open(store)
        with refused(Fenced):
            await before.say("a")

    async def test_a_fence_that_was_never_given_is_none(self, store: ContextStore) -> None:
        host = await Host.open(store)
        for fence in (
            Fence(host.conversation, WriterId("other"), host.fence.epoch),
            Fence(host.conversation, WriterId("host"), host.fence.epoch + 1),
            Fence(host.conversation, WriterId("host"), host.fence.epoch, DelegationId("none")),
        ):
            with refused(Fenced):
                await store.append(fence, [Scribe(fence).write(Turn())])

    async def test_an_entry_of_somebody_else_is_refused(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        for entry in (
            Scribe(Fence(host.conversation, WriterId("other"), host.fence.epoch)).write(Turn()),
            Scribe(Fence(host.conversation, WriterId("host"), host.fence.epoch + 1)).write(Turn()),
            worker.scribe.write(Turn()),
        ):
            with refused(WriteRefused):
                await store.append(host.fence, [entry])

    async def test_what_acts_is_not_merely_appended(self, store: ContextStore) -> None:
        host = await Host.open(store)
        d1 = DelegationId("d1")
        asked = Asked(Delegation(d1, host.conversation, "When?"))
        for body in (asked, Amended(d1, "later"), Withdrawn(d1), Settled(d1, DelegationState.DONE), Closed()):
            with refused(WriteRefused):
                await Host(store, await store.open(host.conversation, WriterId("host"))).append(body)
        assert await bodies(store, host.conversation) == []

    async def test_a_fenced_host_leaves_what_it_held_as_orphans_once(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        known, held = old.scribe.write(Turn(text="known")), old.scribe.write(Turn(text="held"))
        await store.append(old.fence, [known])
        await (await Host.open(store, writer="new")).say("new")
        with refused(Fenced):
            await store.append(old.fence, [held])
        for _ in range(2):
            await store.append(old.fence, [orphan(known), orphan(held)])
        kinds = [type(body) for body in await bodies(store, old.conversation)]
        assert kinds == [Turn, Turn, Orphaned]

    async def test_no_word_of_a_fenced_host_gets_in_among_its_orphans(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        await (await Host.open(store, writer="new")).say("new")
        held, said = old.scribe.write(Turn(text="held")), old.scribe.write(Turn(text="said"))
        with refused(Fenced):
            await store.append(old.fence, [orphan(held), said])
        with refused(SequenceGap):
            await store.append(old.fence, [orphan(said)])
        assert await texts(store, old.conversation) == ["new"]

    async def test_of_very_many_hosts_only_the_last_ones_may_leave_orphans(self, store: ContextStore) -> None:
        hosts = [await Host.open(store, writer=f"host {number}") for number in range(70)]
        late = [orphan(host.scribe.write(Turn(text=host.fence.writer))) for host in (hosts[0], hosts[-2])]
        with refused(Fenced):
            await store.append(hosts[0].fence, [late[0]])
        await store.append(hosts[-2].fence, [late[1]])
        await hosts[-1].say("the newest")
        assert [type(body) for body in await bodies(store, hosts[0].conversation)] == [Orphaned, Turn]

    async def test_orphans_reach_who_follows_and_not_what_is_over(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        new = await Host.open(store, writer="new")
        held = orphan(old.scribe.write(Turn(text="held")))
        await store.append(old.fence, [held])
        async with aclosing(store.follow(new.conversation)) as entries:
            assert (await anext(entries)).entry == held
        await new.close()
        with refused(ConversationClosed):
            await store.append(old.fence, [orphan(old.scribe.write(Turn(text="too late")))])

    # who reads

    async def test_reading_goes_on_from_a_position(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say(*"abcde")
        page = await store.read(host.conversation, Position(1), 2)
        assert [stored.position for stored in page] == [2, 3]
        assert list(await store.read(host.conversation, Position(5), 2)) == []
        with refused(ConfigurationError):
            await store.read(host.conversation, START, 0)

    async def test_a_conversation_that_was_never_opened_is_unknown(self, store: ContextStore) -> None:
        with refused(UnknownConversation):
            await store.read(NOWHERE)
        with refused(UnknownConversation):
            await followed(store, NOWHERE)
        with refused(UnknownConversation):
            await store.last_snapshot(NOWHERE)
        with refused(UnknownConversation):
            await store.get_media(NOWHERE, MediaId("m"))

    async def test_nothing_can_be_written_where_nothing_was_opened(self, store: ContextStore) -> None:
        fence = Fence(NOWHERE, WriterId("host"), 1)
        with refused(ConversationClosed):
            await store.append(fence, [Scribe(fence).write(Turn())])

    async def test_a_follower_gets_what_was_there_and_what_comes(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a", "b")
        seen: list[Stored] = []

        async def follow() -> None:
            seen.extend(await followed(store, host.conversation, Position(1), count=3))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await self.elapse(self.moment)
            await host.say("c", "d")
        assert [stored.position for stored in seen] == [2, 3, 4]

    async def test_followers_see_every_entry_once_while_several_write(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await host.ask("d2")
        writers = [host, await Worker.take(store, "w1"), await Worker.take(store, "w2")]
        seen: list[list[Stored]] = []

        async def follow() -> None:
            seen.append(await followed(store, host.conversation, count=32))

        async def write(writer: Host | Worker) -> None:
            for each in range(10):
                await writer.append(Turn(text=str(each)))
                await self.elapse(0.001)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(follow)
            for writer in writers:
                tasks.start_soon(write, writer)
        log = await everything(store, host.conversation)
        assert [stored.position for stored in log] == list(range(1, 33))
        assert seen == [list(log)] * 3

    async def test_a_cancelled_follower_that_comes_back_misses_and_repeats_nothing(self, store: ContextStore) -> None:
        host = await Host.open(store)
        seen: list[Position] = []

        async def follow_for(seconds: float) -> None:
            with anyio.move_on_after(seconds):
                async for stored in store.follow(host.conversation, seen[-1] if seen else START):
                    seen.append(stored.position)
                    await anyio.lowlevel.checkpoint()

        async def come_and_go() -> None:
            while len(seen) < 40:
                await follow_for(self.moment)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(come_and_go)
            for each in range(40):
                await host.say(str(each))
                await self.elapse(self.moment / 7)
        assert seen == list(range(1, 41))

    async def test_a_follower_gets_the_last_entry_and_ends_when_the_conversation_closes(
        self, store: ContextStore
    ) -> None:
        host = await Host.open(store)
        await host.say("a")
        seen: list[Stored] = []

        async def follow() -> None:
            seen.extend(await followed(store, host.conversation))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await self.elapse(self.moment)
            await host.close()
        assert [type(stored.entry.body) for stored in seen] == [Turn, Closed]
        assert await followed(store, host.conversation) == seen
