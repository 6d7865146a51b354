"""The store goes away for a while: the conversation goes on, what is asked waits, the agent is told, all comes once."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from counterpoint.errors import ConversationClosed, CorruptRecord, StoreFull, StoreUnavailable
from counterpoint.interaction.delegations import MAX_OUT_OF_REACH, OUT_OF_REACH
from counterpoint.interaction.model import DelegationNews
from counterpoint.interaction.replay import replay_decisions
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import (
    Asked,
    Closed,
    Degraded,
    NoteLaid,
    Recovered,
    Taken,
    TooLate,
    Withdrawn,
)
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.testing.play import Performance, play
from counterpoint.testing.scripted_background import Answer, ScriptedBackground
from counterpoint.testing.scripted_interaction import ScriptedInteraction, amend, delegate, say, withdraw

pytestmark = pytest.mark.virtual

WRITES = ("append", "offer", "amend", "withdraw", "close", "settle", "standing", "lease", "renew")


class Absent(MemoryStore):
    """`error`: what writing comes to. `lossy`: it is written, and the reply is lost."""

    error: Exception | None = None
    lossy = False

    def __getattribute__(self, name: str) -> Any:
        method = super().__getattribute__(name)
        if name not in WRITES:
            return method

        async def write(*args: Any, **options: Any) -> Any:
            if self.error is not None:
                raise self.error
            answer = await method(*args, **options)
            if self.lossy:
                raise StoreUnavailable("the reply was lost")
            return answer

        return write


GONE = StoreUnavailable("the store does not answer")


def clock() -> float:
    """Dates that go with the loop's time."""
    return 1_700_000_000.0 + anyio.current_time()


def away(store: Absent, since: float, seconds: float, error: Exception = GONE) -> Callable[[Session], Awaitable[None]]:
    async def act(_: Session) -> None:
        await anyio.sleep(since)
        store.error = error
        await anyio.sleep(seconds)
        store.error = None

    return act


def news(model: ScriptedInteraction) -> list[DelegationNews]:
    return [each for _, perceived, _ in model.perceived for each in perceived.news]


async def decides_the_same(played: Performance) -> None:
    """Also what was decided because the store was away is replayed from the log."""
    for session in await replay_decisions(ConversationId("c"), played.entries):
        assert (session.difference, session.stopped) == (None, "")


@pytest.mark.parametrize("error", [GONE, StoreFull("the store is full")])
async def test_what_is_asked_meanwhile_is_asked_once_in_order_when_the_store_is_back(error: Exception) -> None:
    store = Absent()
    model = ScriptedInteraction(delegate("one", at=10), delegate("two", at=12), delegate("three", at=14))
    scripts = {name: [Answer(f"{name.title()}.")] for name in ("one", "two", "three")}
    runtime = Runtime(model, ScriptedBackground(scripts), store=store)
    played = await play(runtime, beats=60, conversation="c", also=away(store, 1.5, 4, error))
    assert [body.delegation.request for body in played.bodies(Asked)] == ["one", "two", "three"]
    assert sorted(played.said.split()) == ["One.", "Three.", "Two."]
    assert max(turn.late for turn in played) == 0
    assert len(played.bodies(Degraded)) == len(played.bodies(Recovered)) == 1


async def test_the_agent_is_told_that_what_it_asks_for_cannot_be_had_yet_and_when_it_can() -> None:
    store = Absent()
    model = ScriptedInteraction(say("Hm.", at=8), delegate("trains", at=10))
    runtime = Runtime(model, ScriptedBackground(answer="10:14.", after=1), store=store)
    await play(runtime, beats=50, conversation="c", also=away(store, 1.5, 4))
    told = [(each.state, each.reason) for each in news(model)]
    assert told[:2] == [(DelegationState.ASKED, OUT_OF_REACH), (DelegationState.ASKED, "it can be reached again")]


async def test_the_agent_is_told_of_what_is_being_looked_into_when_the_store_goes_away() -> None:
    store = Absent()
    model = ScriptedInteraction(delegate("trains", at=2), say("a word", at=12))
    runtime = Runtime(model, ScriptedBackground(answer="10:14.", after=20), store=store)
    await play(runtime, beats=50, conversation="c", also=away(store, 2.1, 3))
    assert (DelegationState.TAKEN, OUT_OF_REACH) in [(each.state, each.reason) for each in news(model)]


async def test_more_than_a_few_things_are_not_promised_while_the_store_is_away() -> None:
    store = Absent()
    asking = [delegate(f"thing {number}", at=10 + number) for number in range(MAX_OUT_OF_REACH + 2)]
    model = ScriptedInteraction(say("Hm.", at=7), *asking, words_per_beat=9)
    runtime = Runtime(model, ScriptedBackground(answer="Found."), store=store)
    played = await play(runtime, beats=80, conversation="c", also=away(store, 1.0, 8))
    assert len(played.bodies(Asked)) == MAX_OUT_OF_REACH
    assert played.said.count("I can't look into that") == 2
    await decides_the_same(played)


async def test_what_ran_out_of_time_while_the_store_was_away_is_never_begun() -> None:
    store = Absent()
    runtime = Runtime(
        ScriptedInteraction(delegate("trains", at=10)), ScriptedBackground(answer="10:14."), store=store, clock=clock
    )
    played = await play(runtime, beats=5 * 160, conversation="c", also=away(store, 1.5, 150))
    assert played.bodies(Asked) == played.bodies(Taken) == []
    assert [type(body.wish) for body in played.bodies(TooLate)] == [Asked, Withdrawn]
    assert played.said == "Nobody could finish looking into “trains” in time."
    await decides_the_same(played)


async def test_what_runs_out_of_time_just_as_the_store_is_back_is_admitted_once() -> None:
    store = Absent()
    runtime = Runtime(
        ScriptedInteraction(delegate("trains", at=10)), ScriptedBackground(answer="10:14."), store=store, clock=clock
    )
    played = await play(runtime, beats=5 * 140, conversation="c", also=away(store, 1.5, 124))
    assert played.bodies(Asked) == played.bodies(Taken) == []
    assert played.said == "I could not look into “trains” in time."
    await decides_the_same(played)


async def test_what_was_withdrawn_while_the_store_was_away_is_never_begun() -> None:
    store = Absent()
    model = ScriptedInteraction(delegate("trains", at=10), withdraw(at=15))
    runtime = Runtime(model, ScriptedBackground(answer="10:14."), store=store, clock=clock)
    played = await play(runtime, beats=60, conversation="c", also=away(store, 1.5, 5))
    assert played.bodies(Asked) == played.bodies(NoteLaid) == []
    assert [type(body.wish) for body in played.bodies(TooLate)] == [Asked, Withdrawn]


async def test_a_correction_made_while_the_store_was_away_is_known_from_the_start() -> None:
    store = Absent()
    model = ScriptedInteraction(delegate("to Lyon", at=10), amend("to Nice", at=13))
    scripts = {"lyon": [Answer("Lyon.", after=1)], "nice": [Answer("Nice.", after=1)]}
    runtime = Runtime(model, ScriptedBackground(scripts), store=store)
    played = await play(runtime, beats=60, conversation="c", also=away(store, 1.5, 4))
    assert played.said == "Nice."


async def test_going_away_again_while_it_is_recovering_is_one_story() -> None:
    store = Absent()
    chatter = [say(f"word{number}", at=number) for number in range(5, 60)]

    async def flicker(_: Session) -> None:
        for _ in range(12):
            store.error = GONE
            await anyio.sleep(0.31)
            store.error = None
            await anyio.sleep(0.13)

    played = await play(Runtime(ScriptedInteraction(*chatter), store=store), beats=80, conversation="c", also=flicker)
    kinds = [type(entry.entry.body) for entry in played.entries if isinstance(entry.entry.body, Degraded | Recovered)]
    assert kinds == [Degraded, Recovered] * (len(kinds) // 2)
    await decides_the_same(played)
    numbers = [stored.entry.header.seq for stored in played.entries]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_conversation_whose_last_reply_was_lost_is_closed_all_the_same() -> None:
    store = Absent()
    async with store, Runtime(ScriptedInteraction(say("Goodbye.", at=1)), store=store).session("c") as session:
        async for turn in session:
            if turn.beat == 8:
                store.lossy = True
                session.end()
            elif turn.beat > 8:
                break
        with anyio.move_on_after(1):
            await anyio.sleep(0.5)
        store.lossy = False
    [closed] = [
        each.entry.body for each in await store.read(session.conversation) if isinstance(each.entry.body, Closed)
    ]
    assert closed.reason == "ended by the application"


async def test_what_could_not_be_written_at_the_end_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    store = Absent()
    model = ScriptedInteraction(delegate("trains", at=10))
    runtime = Runtime(model, ScriptedBackground(answer="10:14."), store=store)
    with caplog.at_level(logging.ERROR):
        async with runtime.session("c") as session:
            async for turn in session:
                if turn.beat == 5:
                    store.error = GONE
                if turn.beat == 20:
                    break
            began = anyio.current_time()
    assert anyio.current_time() - began < 30
    [record] = [record for record in caplog.records if record.name.endswith("journal")]
    assert "conversation c was left with entries that could not be written" in record.message
    assert "1 Asked" in record.message
    assert "1 Degraded" in record.message


async def test_a_conversation_that_was_forgotten_elsewhere_is_not_brought_back() -> None:
    store = MemoryStore()
    with pytest.raises(ConversationClosed):
        async with Runtime(ScriptedInteraction(say("one two three", at=2)), store=store).session("c") as session:
            async for turn in session:
                if turn.beat == 3:
                    await store.forget(session.conversation)
                assert turn.beat < 20


async def test_a_log_that_cannot_be_read_when_it_has_to_be_put_right_ends_the_session_by_name() -> None:
    store = Absent()
    with pytest.raises(CorruptRecord):
        async with Runtime(ScriptedInteraction(say("one two three", at=2)), store=store).session("c") as session:
            async for turn in session:
                if turn.beat == 3:
                    store.error = GONE
                elif turn.beat == 8:
                    store.error = CorruptRecord("these bytes are no entry")
                assert turn.beat < 40
