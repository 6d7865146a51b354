"""A host that dies between what the agent wished and what came of it: the wish is seen to by the next host."""

import pytest
from logbook import Logbook

from counterpoint.runtime import Runtime
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import Amended, Asked, Opened, Orphaned, TooLate, Turn, Withdrawn
from counterpoint.shared_context.expressed import Amend, Delegate, Withdraw
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, SessionId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.timeline import Timeline
from counterpoint.testing.play import play
from counterpoint.testing.scripted_background import ScriptedBackground
from counterpoint.testing.scripted_interaction import ScriptedInteraction
from counterpoint.testing.store_actors import Host

TRAIN = Delegate("the next train")
TRAM = Delegate("the next tram")


def wished(*actions: Delegate | Amend | Withdraw) -> Logbook:
    log = Logbook()
    log.add(Opened(SessionId("s")), 0)
    log.add(Turn(text="Let me look.", actions=actions), 3)
    return log


def test_a_wish_of_which_nothing_is_written_is_open() -> None:
    assert wished(TRAIN, TRAM).timeline.promised() == (TRAIN, TRAM)


def test_a_wish_that_was_seen_to_is_open_no_more() -> None:
    log = wished(TRAIN, TRAM)
    log.asks("d1", "the next train", 3)
    assert log.timeline.promised() == (TRAM,)
    log.asks("d2", "the next tram", 3)
    assert log.timeline.promised() == ()


@pytest.mark.parametrize(
    ("wish", "body"),
    [
        (Amend("tomorrow"), Amended(DelegationId("d1"), "tomorrow")),
        (Amend("tomorrow"), TooLate(Amended(DelegationId("d1"), "tomorrow"))),
        (Withdraw(), Withdrawn(DelegationId("d1"))),
    ],
)
def test_corrections_and_withdrawals_count_as_well(wish: Amend | Withdraw, body: Amended | Withdrawn | TooLate) -> None:
    log = wished(wish)
    assert log.timeline.promised() == (wish,)
    log.add(body, 3)
    assert log.timeline.promised() == ()


def test_a_wish_that_was_refused_is_over_with_its_beat() -> None:
    log = wished(TRAIN)
    log.agent("Well.", 4)
    assert log.timeline.promised() == ()


def test_it_is_open_until_a_host_that_takes_over_has_lived_through_a_beat() -> None:
    log = wished(TRAIN)
    log.takes("d7")
    log.add(Opened(SessionId("t"), start=Beat(9)), 9)
    assert Timeline.restore(log.timeline.snapshot()).promised() == (TRAIN,)
    log.add(Turn(actions=(TRAIN,)), 9)
    assert log.timeline.promised() == (TRAIN,)
    log.asks("d1", "the next train", 9)
    assert log.timeline.promised() == ()


def test_what_a_fenced_host_hands_in_later_says_nothing_of_it() -> None:
    log = wished(TRAIN)
    log.add(Orphaned(b""), 3)
    log.add(Orphaned(b""), 9)
    assert log.timeline.promised() == (TRAIN,)


@pytest.mark.virtual
async def test_what_was_asked_when_the_host_died_is_looked_up_by_the_next_one() -> None:
    async with MemoryStore() as store:
        dying = await Host.open(store, "station")
        await dying.append(Opened(SessionId("s")), Turn(text="Let me look.", actions=(TRAIN,)))
        runtime = Runtime(ScriptedInteraction(), ScriptedBackground(answer="It leaves at 10:14."), store=store)
        played = await play(runtime, beats=20, conversation="station")
    assert [body.delegation.request for body in played.bodies(Asked)] == ["the next train"]
    assert played.said == "It leaves at 10:14."


@pytest.mark.virtual
async def test_what_was_asked_just_before_the_host_died_is_not_asked_twice() -> None:
    async with MemoryStore() as store:
        dying = await Host.open(store, "station")
        await dying.append(Opened(SessionId("s")), Turn(text="Let me look.", actions=(TRAIN,)))
        work = Delegation(DelegationId("d1"), ConversationId("station"), "the next train")
        await store.offer(dying.fence, dying.scribe.write(Asked(work)))
        runtime = Runtime(ScriptedInteraction(), ScriptedBackground(answer="It leaves at 10:14."), store=store)
        played = await play(runtime, beats=20, conversation="station")
    assert len(played.bodies(Asked)) == 1
    assert played.said == "It leaves at 10:14."
