"""What a host keeps of its log: how much, for how long, and what a store that lost more than that still gets."""

import pytest

from counterpoint.errors import Fenced
from counterpoint.interaction import keeping as limits
from counterpoint.interaction.keeping import Keeping
from counterpoint.shared_context.entries import Asked, Turn
from counterpoint.shared_context.ids import Position
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.timeline import Timeline
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import bodies, everything, texts

pytestmark = pytest.mark.virtual


class Following:
    """A host that follows its own log, as a session does."""

    def __init__(self, store: MemoryStore, host: Host) -> None:
        self.store = store
        self.host = host
        self.timeline = Timeline(host.conversation)
        self.keeping = Keeping(store, host.fence, lambda: self.timeline)

    async def follow(self) -> None:
        for stored in await self.store.read(self.host.conversation, self.keeping.tail, 10_000):
            self.timeline.apply(stored)
            self.keeping.add(stored)

    async def say(self, *words: str) -> None:
        await self.host.say(*words)
        await self.follow()


@pytest.fixture
async def following() -> Following:
    store = MemoryStore()
    return Following(store, await Host.open(store))


async def test_a_store_that_has_everything_is_given_nothing(following: Following) -> None:
    await following.say("a", "b")
    await following.host.say("c")
    found = await following.keeping.put_right()
    assert (found.given_back, found.summarised, found.standing.last) == (0, 0, 3)


async def test_what_was_lost_is_given_back_as_it_was(following: Following) -> None:
    await following.say("a")
    set_back = following.store.remembered()
    await following.say("b", "c")
    before = await everything(following.store, following.host.conversation)
    set_back()
    found = await following.keeping.put_right()
    assert (found.given_back, found.standing.last) == (2, 3)
    assert await everything(following.store, following.host.conversation) == before
    assert (await following.keeping.put_right()).given_back == 0


async def test_of_what_is_no_longer_kept_the_store_gets_an_account(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "KEPT_ENTRIES", 3)
    set_back = following.store.remembered()
    await following.host.ask("d1")
    await following.say(*"abcdefg")
    set_back()
    found = await following.keeping.put_right()
    assert (found.given_back, found.summarised) == (3, 5)
    assert await texts(following.store, following.host.conversation) == ["e", "f", "g"]
    snapshot = await following.store.last_snapshot(following.host.conversation)
    assert snapshot is not None
    assert snapshot.upto == 8
    [utterance] = Timeline.restore(snapshot.data).utterances()
    assert utterance.utterance.text == "a b c d e f g"
    assert (await Worker.take(following.store)).delegation == "d1"
    assert list(await following.host.say("h")) == [9]


async def test_bytes_are_bounded_as_well(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEPT_BYTES", 10_000)
    for _ in range(20):
        await following.say("x" * 1_000)
    assert 20 - following.keeping.base < 10


async def test_what_a_snapshot_covers_is_let_go(following: Following) -> None:
    await following.say(*"abcd")
    following.keeping.covered(Position(3))
    assert following.keeping.base == 3
    set_back = following.store.remembered()
    await following.say("e")
    set_back()
    assert (await following.keeping.put_right()).given_back == 1
    assert await texts(following.store, following.host.conversation) == [*"abcde"]


async def test_what_was_taken_up_is_given_back_as_well(following: Following) -> None:
    set_back = following.store.remembered()
    await following.say(*"abc")
    newer = Following(following.store, await Host.open(following.store, writer="newer"))
    entries = await everything(following.store, newer.host.conversation)
    for stored in entries:
        newer.timeline.apply(stored)
    newer.keeping.begin(entries)
    await newer.say("d")
    set_back()
    assert (await newer.keeping.put_right()).given_back == 4
    assert await texts(following.store, newer.host.conversation) == [*"abcd"]
    with pytest.raises(Fenced):
        await following.keeping.put_right()


async def test_a_host_of_which_the_store_knows_nothing_is_its_host_again(following: Following) -> None:
    await following.say("a")
    set_back = following.store.remembered()
    newer = Following(following.store, await Host.open(following.store, writer="newer"))
    await newer.follow()
    set_back()
    found = await newer.keeping.put_right()
    assert (found.given_back, found.standing.held) == (0, True)
    await newer.host.say("b")
    assert await texts(following.store, newer.host.conversation) == ["a", "b"]


async def test_what_is_settled_in_the_meantime_is_not_queued_again(following: Following) -> None:
    host = following.host
    await host.ask("d1")
    worker = await Worker.take(following.store, seconds=60)
    await following.follow()
    set_back = following.store.remembered()
    await following.say("lost")
    set_back()
    await worker.settle()
    found = await following.keeping.put_right()
    assert found.given_back == 1
    assert await nothing_waits(following.store)
    assert not await following.keeping.matches()
    kinds = [type(stored.entry.body).__name__ for stored in await following.keeping.read_anew()]
    assert kinds == ["Asked", "Settled", "Turn"]
    assert (await bodies(following.store, host.conversation))[-1] == Turn(text="lost")
    assert isinstance((await bodies(following.store, host.conversation))[0], Asked)
    assert await following.keeping.matches()
