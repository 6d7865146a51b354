"""The store contract on logs that come from elsewhere: taken in whole or not at all, and then like any other."""

from counterpoint.errors import ConversationClosed, Fenced, UnknownConversation, WriteRefused
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import Asked, Body, Closed, Entry, Header, Role, Stored, Turn
from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId, Position, WriterId
from counterpoint.shared_context.store import Adoption, ContextStore, MediaObject, Snapshot
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import StoreTrial, everything, refused, texts

HERE = ConversationId("adopted")
EPOCH = 5
WORK = Delegation(DelegationId("d1"), HERE, "When is the next train?", upto=Position(2))


def turns(*words: str, first: int = 1) -> list[Stored]:
    return [_stored(first + index, Turn(text=word)) for index, word in enumerate(words)]


def _stored(position: int, body: Body) -> Stored:
    header = Header(Role.HOST, WriterId("elsewhere"), EPOCH, position, 1.0)
    return Stored(Position(position), Entry(header, body))


class AdoptingContract(StoreTrial):
    async def test_a_log_is_taken_in_page_by_page_and_seen_when_it_is_whole(self, store: ContextStore) -> None:
        log = turns(*"abcd")
        await store.adopt(HERE, "t", log[:2], begins=True)
        with refused(UnknownConversation):
            await store.read(HERE)
        await store.adopt(HERE, "t", log[2:], whole=Adoption(EPOCH, closed=False))
        kept = await everything(store, HERE)
        assert [(each.position, each.entry) for each in kept] == [(each.position, each.entry) for each in log]

    async def test_a_page_that_is_sent_again_is_not_taken_twice(self, store: ContextStore) -> None:
        log = turns(*"abcd")
        for _ in range(2):
            await store.adopt(HERE, "t", log[:2], begins=True)
        for _ in range(2):
            await store.adopt(HERE, "t", log[2:], whole=Adoption(EPOCH, closed=False))
        assert await texts(store, HERE) == list("abcd")

    async def test_a_conversation_that_is_kept_is_never_replaced(self, store: ContextStore) -> None:
        host = await Host.open(store, HERE)
        await host.say("mine")
        with refused(WriteRefused):
            await store.adopt(HERE, "t", turns("theirs"), begins=True, whole=Adoption(EPOCH, closed=False))
        await host.say("too")
        assert await texts(store, HERE) == ["mine", "too"]

    async def test_who_opens_the_conversation_meanwhile_has_it(self, store: ContextStore) -> None:
        await store.adopt(HERE, "t", turns("theirs"), begins=True)
        host = await Host.open(store, HERE)
        with refused(WriteRefused):
            await store.adopt(HERE, "t", turns("more", first=2), whole=Adoption(EPOCH, closed=False))
        await host.say("mine")
        assert (host.tail, await texts(store, HERE)) == (0, ["mine"])

    async def test_of_two_imports_the_later_one_goes_on(self, store: ContextStore) -> None:
        await store.adopt(HERE, "one", turns("a"), begins=True)
        await store.adopt(HERE, "two", turns("A"), begins=True)
        with refused(WriteRefused):
            await store.adopt(HERE, "one", turns("b", first=2), whole=Adoption(EPOCH, closed=False))
        await store.adopt(HERE, "two", turns("B", first=2), whole=Adoption(EPOCH, closed=False))
        assert await texts(store, HERE) == ["A", "B"]

    async def test_pages_follow_one_another(self, store: ContextStore) -> None:
        await store.adopt(HERE, "t", turns(*"ab"), begins=True)
        with refused(WriteRefused):
            await store.adopt(HERE, "t", turns("d", first=4))
        with refused(WriteRefused):
            await store.adopt(HERE, "another", turns("c", first=3))

    async def test_an_adopted_conversation_is_hosted_in_a_newer_epoch(self, store: ContextStore) -> None:
        await store.adopt(HERE, "t", turns(*"ab"), begins=True, whole=Adoption(EPOCH, closed=False))
        host = await Host.open(store, HERE)
        assert (host.tail, host.fence.epoch > EPOCH) == (2, True)
        assert list(await host.say("c")) == [3]

    async def test_what_was_unsettled_is_worked_on(self, store: ContextStore) -> None:
        log = [*turns("a"), _stored(2, Asked(WORK))]
        await store.adopt(HERE, "t", log, begins=True, whole=Adoption(EPOCH, closed=False, unsettled=(WORK,)))
        worker = await Worker.take(store)
        assert (worker.lease.delegation.request, worker.lease.delegation.upto) == (WORK.request, 2)
        assert worker.lease.fence.epoch > EPOCH
        await worker.settle()
        assert await nothing_waits(store)

    async def test_a_closed_conversation_stays_closed(self, store: ContextStore) -> None:
        log = [*turns("a"), _stored(2, Closed())]
        await store.adopt(HERE, "t", log, begins=True, whole=Adoption(EPOCH, closed=True))
        with refused(ConversationClosed):
            await Host.open(store, HERE)
        assert len(await everything(store, HERE)) == 2

    async def test_a_log_whose_beginning_was_trimmed_keeps_its_places(self, store: ContextStore) -> None:
        snapshot = Snapshot(Position(7), b"earlier")
        whole = Adoption(EPOCH, closed=False, snapshot=snapshot)
        await store.adopt(HERE, "t", turns(*"fgh", first=6), begins=True, whole=whole)
        assert await store.last_snapshot(HERE) == snapshot
        assert [each.position for each in await everything(store, HERE)] == [6, 7, 8]
        assert list(await (await Host.open(store, HERE)).say("i")) == [9]

    async def test_a_log_that_is_all_snapshot_goes_on_after_it(self, store: ContextStore) -> None:
        whole = Adoption(EPOCH, closed=False, snapshot=Snapshot(Position(7), b"earlier"))
        await store.adopt(HERE, "t", (), begins=True, whole=whole)
        assert list(await (await Host.open(store, HERE)).say("h")) == [8]

    async def test_media_come_with_the_log(self, store: ContextStore) -> None:
        media = (MediaObject(MediaId("m/1"), b"sound"),)
        await store.adopt(HERE, "t", turns("a"), begins=True, media=media, whole=Adoption(EPOCH, closed=False))
        assert await store.get_media(HERE, MediaId("m/1")) == b"sound"
        await store.forget(HERE)
        with refused(UnknownConversation):
            await store.get_media(HERE, MediaId("m/1"))

    async def test_what_was_forgotten_may_come_back(self, store: ContextStore) -> None:
        host = await Host.open(store, HERE)
        await host.say("old")
        await store.forget(HERE)
        await store.adopt(HERE, "t", turns("a"), begins=True, whole=Adoption(EPOCH, closed=False))
        assert await texts(store, HERE) == ["a"]
        with refused(Fenced):
            await host.say("zombie")
