"""The store contract, last part: what is kept for how long. Snapshots, trimming, media, the end of a conversation."""

import anyio

from counterpoint.errors import (
    ConversationClosed,
    Fenced,
    MediaTooLarge,
    UnknownConversation,
    UnknownDelegation,
    WriteRefused,
)
from counterpoint.shared_context.entries import Asked, Closed, Stored, Turn, Withdrawn
from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId, Position
from counterpoint.shared_context.store import ContextStore, Snapshot
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import StoreTrial, bodies, everything, followed, refused

MEDIA = MediaId("m")


class KeepingContract(StoreTrial):
    # snapshots and trimming

    async def test_the_newest_snapshot_is_kept(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say(*"abc")
        assert await store.last_snapshot(host.conversation) is None
        await store.snapshot(host.fence, Position(1), b"first")
        await store.snapshot(host.fence, Position(3), b"second")
        assert await store.last_snapshot(host.conversation) == Snapshot(Position(3), b"second")

    async def test_a_snapshot_that_covers_less_or_more_than_there_is_is_refused(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say(*"abc")
        await store.snapshot(host.fence, Position(2), b"two")
        for upto in (0, 1, 4):
            with refused(WriteRefused):
                await store.snapshot(host.fence, Position(upto), b"wrong")
        assert await store.last_snapshot(host.conversation) == Snapshot(Position(2), b"two")

    async def test_trimming_removes_entries_and_keeps_positions(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say(*"abcd")
        await store.snapshot(host.fence, Position(3), b"abc")
        for upto in (2, 1, 2):
            await store.trim(host.fence, Position(upto))
        assert [stored.position for stored in await everything(store, host.conversation)] == [3, 4]
        assert list(await host.say("e")) == [5]
        assert [stored.position for stored in await store.read(host.conversation, Position(3))] == [4, 5]

    async def test_only_what_a_snapshot_covers_is_trimmed(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say(*"abc")
        with refused(WriteRefused):
            await store.trim(host.fence, Position(1))
        await store.snapshot(host.fence, Position(1), b"a")
        with refused(WriteRefused):
            await store.trim(host.fence, Position(2))
        assert len(await everything(store, host.conversation)) == 3

    async def test_a_trimmed_entry_sent_again_has_the_position_it_had(self, store: ContextStore) -> None:
        host = await Host.open(store)
        entry = host.scribe.write(Turn(text="a"))
        await store.append(host.fence, [entry])
        await store.snapshot(host.fence, Position(1), b"a")
        await store.trim(host.fence, Position(1))
        assert list(await store.append(host.fence, [entry])) == [1]
        assert list(await everything(store, host.conversation)) == []

    async def test_a_follower_misses_and_repeats_nothing_while_the_log_is_trimmed(self, store: ContextStore) -> None:
        host = await Host.open(store)
        seen: list[Position] = []

        async def follow() -> None:
            seen.extend(stored.position for stored in await followed(store, host.conversation, count=20))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            for _ in range(10):
                positions = await host.say("a", "b")
                await self.elapse(self.moment)
                await store.snapshot(host.fence, positions[-1], b"")
                await store.trim(host.fence, positions[-1])
        assert seen == list(range(1, 21))

    async def test_what_a_late_follower_misses_is_covered_by_the_snapshot(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say(*"abcd")
        await store.snapshot(host.fence, Position(3), b"abc")
        await store.trim(host.fence, Position(3))
        [first] = await followed(store, host.conversation, Position(1), count=1)
        snapshot = await store.last_snapshot(host.conversation)
        assert snapshot is not None
        assert first.position == snapshot.upto + 1

    async def test_a_worker_neither_trims_nor_snapshots(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        with refused(WriteRefused):
            await store.snapshot(worker.lease.fence, Position(1), b"")
        with refused(WriteRefused):
            await store.trim(worker.lease.fence, Position(1))

    # media

    async def test_media_are_kept_beside_the_log(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await store.put_media(host.fence, MEDIA, b"\x00\xff" * 100, ttl=60)
        assert await store.get_media(host.conversation, MEDIA) == b"\x00\xff" * 100
        assert await store.get_media(host.conversation, MediaId("other")) is None
        assert list(await everything(store, host.conversation)) == []

    async def test_media_put_again_replace_the_older_ones(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await store.put_media(host.fence, MEDIA, b"old", ttl=self.moment)
        await store.put_media(host.fence, MEDIA, b"new", ttl=60)
        await self.elapse(2 * self.moment)
        assert await store.get_media(host.conversation, MEDIA) == b"new"

    async def test_media_belong_to_one_conversation(self, store: ContextStore) -> None:
        one, other = await Host.open(store, "one"), await Host.open(store, "other")
        await store.put_media(one.fence, MEDIA, b"one", ttl=60)
        assert await store.get_media(other.conversation, MEDIA) is None

    async def test_media_expire(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await store.put_media(host.fence, MEDIA, b"brief", ttl=2 * self.moment)
        await store.put_media(host.fence, MediaId("long"), b"long", ttl=60)
        await self.elapse(3 * self.moment)
        assert await store.get_media(host.conversation, MEDIA) is None
        assert await store.get_media(host.conversation, MediaId("long")) == b"long"

    async def test_media_that_are_too_large_are_refused(self, store: ContextStore) -> None:
        host = await Host.open(store)
        with refused(MediaTooLarge):
            await store.put_media(host.fence, MEDIA, bytes(self.media_bytes + 1), ttl=60)
        assert await store.get_media(host.conversation, MEDIA) is None

    async def test_media_are_kept_for_a_limited_time_only(self, store: ContextStore) -> None:
        host = await Host.open(store)
        for ttl in (0, -1, float("inf"), float("nan")):
            with refused(WriteRefused):
                await store.put_media(host.fence, MEDIA, b"x", ttl=ttl)

    async def test_a_worker_may_keep_media_while_it_has_the_delegation(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        worker = await Worker.take(store)
        await store.put_media(worker.lease.fence, MEDIA, b"chart", ttl=60)
        assert await store.get_media(host.conversation, MEDIA) == b"chart"
        await worker.settle()
        with refused(Fenced):
            await store.put_media(worker.lease.fence, MEDIA, b"late", ttl=60)

    # the end

    async def test_closing_withdraws_what_is_unsettled_and_comes_last(self, store: ContextStore) -> None:
        host = await Host.open(store)
        for delegation in ("d1", "d2", "d3"):
            await host.ask(delegation)
        await (await Worker.take(store)).settle()
        leased = await Worker.take(store)
        position = await host.close()
        log = await everything(store, host.conversation)
        withdrawn = [stored.entry.body for stored in log if isinstance(stored.entry.body, Withdrawn)]
        assert sorted(body.delegation for body in withdrawn) == ["d2", "d3"]
        assert log[-1].position == position
        assert isinstance(log[-1].entry.body, Closed)
        assert await nothing_waits(store)
        with refused(Fenced):
            await leased.renew()

    async def test_closing_again_after_a_lost_reply_gives_the_same_position(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        entry = host.scribe.write(Closed())
        position = await store.close(host.fence, entry)
        assert await store.close(host.fence, entry) == position
        assert len(await everything(store, host.conversation)) == position

    async def test_a_closed_conversation_takes_nothing_and_is_still_read(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        await host.ask("d1")
        worker = await Worker.take(store)
        await store.put_media(host.fence, MEDIA, b"kept", ttl=60)
        await host.close()
        before = await everything(store, host.conversation)
        for write in (host.say("b"), host.ask("d2"), host.amend("d1", "x"), host.withdraw("d1"), host.close()):
            with refused(ConversationClosed):
                await write
        with refused(ConversationClosed):
            await store.snapshot(host.fence, Position(1), b"")
        with refused(ConversationClosed):
            await store.trim(host.fence, Position(1))
        with refused(ConversationClosed):
            await store.put_media(host.fence, MEDIA, b"x", ttl=60)
        with refused(ConversationClosed):
            await worker.append(Turn(text="late"))
        with refused(ConversationClosed):
            await Host.open(store)
        assert await everything(store, host.conversation) == before
        assert await store.get_media(host.conversation, MEDIA) == b"kept"

    async def test_a_forgotten_conversation_leaves_nothing(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        await host.ask("d2")
        worker = await Worker.take(store)
        await store.put_media(host.fence, MEDIA, b"x", ttl=60)
        await store.snapshot(host.fence, Position(1), b"")
        for _ in range(2):
            await store.forget(host.conversation)
        with refused(UnknownConversation):
            await store.read(host.conversation)
        with refused(UnknownConversation):
            await store.last_snapshot(host.conversation)
        with refused(UnknownConversation):
            await store.get_media(host.conversation, MEDIA)
        with refused(ConversationClosed):
            await host.say("a")
        with refused(ConversationClosed):
            await worker.settle()
        with refused(Fenced):
            await worker.renew()
        await worker.release()
        assert await nothing_waits(store)

    async def test_a_follower_ends_when_the_conversation_is_forgotten(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.say("a")
        seen: list[Stored] = []

        async def follow() -> None:
            seen.extend(await followed(store, host.conversation))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(follow)
            await self.elapse(self.moment)
            await store.forget(host.conversation)
        assert [stored.position for stored in seen] == [1]

    async def test_nobody_of_a_forgotten_conversation_can_write_to_its_successor(self, store: ContextStore) -> None:
        old = await Host.open(store, writer="old")
        await old.ask("d1")
        worker = await Worker.take(store, "old worker")
        await store.forget(old.conversation)
        new = await Host.open(store, writer="new")
        await new.ask("d1")
        await Worker.take(store, "new worker")
        assert new.tail == 0
        with refused(Fenced):
            await old.say("zombie")
        with refused(Fenced):
            await worker.settle()
        assert [type(body) for body in await bodies(store, new.conversation)] == [Asked]

    async def test_forgetting_what_was_never_kept_is_no_error(self, store: ContextStore) -> None:
        await store.forget(ConversationId("never opened"))

    async def test_a_dead_letter_goes_with_its_conversation(self, store: ContextStore) -> None:
        host = await Host.open(store)
        await host.ask("d1")
        for _ in range(self.attempts):
            await Worker.take(store, seconds=self.lease_seconds)
            await self.elapse(1.1 * self.lease_seconds)
        assert await nothing_waits(store)
        assert len(await store.dead("default")) == 1
        await store.forget(host.conversation)
        assert list(await store.dead("default")) == []
        with refused(UnknownDelegation):
            await store.retry(host.conversation, DelegationId("d1"))
