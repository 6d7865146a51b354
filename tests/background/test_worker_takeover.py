"""A worker is lost and another takes over: nothing is done twice, and nothing is told twice."""

import anyio
import pytest

from counterpoint.config import LEASE_SECONDS
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import (
    ApprovalAsked,
    NoteLaid,
    Settled,
    Taken,
    ToolCalled,
    ToolReturned,
)
from counterpoint.shared_context.notes import Delivery
from counterpoint.testing.scripted_background import Answer, Call, Say, ScriptedBackground
from counterpoint.tools.context import ToolContext
from counterpoint.tools.definition import tool

pytestmark = pytest.mark.virtual

ran = []


@pytest.fixture(autouse=True)
def _nothing_ran_yet():
    ran.clear()


@tool
async def departures(station: str) -> str:
    ran.append(station)
    await anyio.sleep(1)
    return f"10:14 from {station}"


@tool(effects="write")
async def book(context: ToolContext) -> str:
    ran.append((context.idempotency_key, context.attempt))
    await anyio.sleep(5)
    return "booked"


@tool(effects="write", idempotent=True)
async def reserve(context: ToolContext) -> str:
    ran.append((context.idempotency_key, context.attempt))
    await anyio.sleep(5)
    return "reserved"


class Lost:
    """A first worker that is cut off from the store for ever, and a second one that is not."""

    def __init__(self, host, cable):
        self.host = host
        self.cable = cable

    async def take_over(self, first, second, *tools, when, cut=None):
        """The second worker begins when the lease of the first, cut off `when` says so, has run out."""
        await self.host.work(first, *tools, store=self.cable, name="first")
        delegation = await self.host.ask()
        await when()
        self.cable.pull()
        if cut:
            await cut()
        await self.host.work(second, *tools, name="second")
        return delegation


@pytest.fixture
def lost(outage):
    return lambda host: Lost(host, outage(host.memory))


async def test_a_lost_worker_is_replaced_when_its_lease_has_run_out(scene, lost):
    async with scene() as host:
        first, second = ScriptedBackground(after=9, answer="-"), ScriptedBackground(answer="10:14")
        await lost(host).take_over(first, second, when=lambda: anyio.sleep(1))
        await host.settled()
        assert anyio.current_time() <= 1 + LEASE_SECONDS
        assert [body.attempt for body in await host.bodies(Taken)] == [1, 2]
    assert await host.told() == [("result", "10:14")]


async def test_a_lost_worker_that_comes_back_is_refused_and_says_nothing(scene, lost):
    async with scene() as host:
        first, second = ScriptedBackground(after=4, answer="stale"), ScriptedBackground(after=9, answer="10:14")
        losing = lost(host)
        await losing.take_over(first, second, when=lambda: anyio.sleep(1))
        await anyio.sleep(5)
        losing.cable.plug()
        await host.settled()
    assert await host.told() == [("result", "10:14")]


async def test_calls_that_have_returned_are_not_made_again(scene, lost):
    async with scene() as host:
        call = Call("departures", {"station": "Lyon"})
        first = ScriptedBackground([call, Answer("-", after=60)])
        second = ScriptedBackground([call, Answer("10:14")])
        await lost(host).take_over(first, second, departures, when=lambda: host.until(ToolReturned))
        await host.settled()
        assert len(await host.bodies(ToolCalled)) == 1
    assert ran == ["Lyon"]
    assert [each.text for each in second.rounds[0].observations] == ["10:14 from Lyon"]
    assert second.rounds[1].observations[-1].text == "10:14 from Lyon"


async def test_what_was_told_is_known_to_the_model_and_not_told_again(scene, lost):
    async with scene() as host:

        async def voiced():
            await host.until(NoteLaid)
            await host.voice((await host.notes())[0])

        first = ScriptedBackground([Say("It leaves at 10:14."), Answer("-", after=60)])
        second = ScriptedBackground(answer="It leaves at 10:14. Platform 3.")
        await lost(host).take_over(first, second, when=voiced)
        await host.settled()
    assert await host.told() == [("partial", "It leaves at 10:14."), ("result", "Platform 3.")]
    assert [note.voiced for note in second.packages[0].current.notes] == [len("It leaves at 10:14.")]


async def test_what_was_laid_and_not_told_is_taken_back_and_made_anew(scene, lost):
    async with scene() as host:
        first = ScriptedBackground([Say("It leaves at 10:14."), Say("Platform 3."), Answer("-", after=60)])
        second = ScriptedBackground(answer="It leaves at 10:14 from platform 3.")
        await lost(host).take_over(first, second, when=lambda: host.until(NoteLaid, 2))
        await host.settled()
    one, two, *taken_back, result = await host.notes()
    assert [(note.key, note.delivery) for note in taken_back] == [
        (one.key, Delivery.SILENT),
        (two.key, Delivery.SILENT),
    ]
    assert result.text == "It leaves at 10:14 from platform 3."
    assert len({note.id for note in await host.notes()}) == 5


async def test_a_part_of_the_answer_that_was_told_is_not_told_again_by_the_next_worker(scene, lost):
    async with scene() as host:

        async def voiced():
            await host.until(NoteLaid)
            await host.voice((await host.notes())[0])

        first = ScriptedBackground([Say("It leaves at 10:14."), Answer("-", after=60)])
        second = ScriptedBackground([Say("It leaves at 10:14."), Answer("It leaves at 10:14. Platform 3.", after=1)])
        await lost(host).take_over(first, second, when=voiced)
        await host.settled()
    assert await host.told() == [("partial", "It leaves at 10:14."), ("result", "Platform 3.")]


async def test_what_is_voiced_while_the_next_worker_takes_it_back_is_not_told_again(scene, lost):
    async with scene() as host:
        first = ScriptedBackground([Say("It leaves at 10:14."), Answer("-", after=60)])
        second = ScriptedBackground([Say("It leaves at 10:14."), Answer("It leaves at 10:14. Platform 3.")])
        await lost(host).take_over(first, second, when=lambda: host.until(NoteLaid))
        await host.until(NoteLaid, 2)
        await anyio.sleep(0.2)
        await host.voice((await host.notes())[0])
        await host.settled()
    assert await host.told() == [("partial", "It leaves at 10:14."), ("result", "Platform 3.")]


async def test_what_is_taken_back_in_time_is_told_anew_by_the_next_worker(scene, lost):
    async with scene() as host:
        script = [Say("It leaves at 10:14."), Answer("It leaves at 10:14. Platform 3.", after=1)]
        first, second = ScriptedBackground([script[0], Answer("-", after=60)]), ScriptedBackground(script)
        await lost(host).take_over(first, second, when=lambda: host.until(NoteLaid))
        await host.until(NoteLaid, 2)
        await host.drop((await host.notes())[0], "superseded")
        await host.settled()
    assert (await host.told())[1:] == [("partial", "It leaves at 10:14."), ("result", "Platform 3.")]


async def test_a_write_cut_off_by_a_crash_is_never_repeated_and_the_person_is_told(scene, lost):
    async with scene() as host:
        script = [Call("book"), Answer("Booked.")]
        second = ScriptedBackground(script)
        await lost(host).take_over(ScriptedBackground(script), second, book, when=lambda: host.until(ToolCalled))
        settled = await host.settled()
        assert len(ran) == 1
    assert (settled.state, settled.reason) == (DelegationState.NEEDS_REVIEW, "a write was interrupted")
    assert await host.told() == [
        (
            "failure",
            (
                "I was interrupted in the middle of “trains to Lyon”. "
                "I cannot tell whether this was done: book. Please check before it is tried again."
            ),
        )
    ]
    assert second.rounds == []


async def test_an_idempotent_write_cut_off_by_a_crash_is_repeated_with_the_same_key(scene, lost):
    async with scene() as host:
        script = [Call("reserve"), Answer("Reserved.")]
        models = ScriptedBackground(script), ScriptedBackground(script)
        await lost(host).take_over(*models, reserve, when=lambda: host.until(ToolCalled))
        assert await host.state() is DelegationState.DONE
    assert ran == [("c:d1:1", 1), ("c:d1:1", 2)]


async def test_approval_given_before_the_crash_counts_after_it(scene, lost):
    @tool(effects="write", approval="always")
    async def pay(euros: int) -> str:
        ran.append(euros)
        return "paid"

    async with scene() as host:

        async def cut():
            asked = await host.until(ApprovalAsked)
            await host.approve(asked.call)

        script = [Call("pay", {"euros": 40}), Answer("Paid.")]
        models = ScriptedBackground(script), ScriptedBackground(script)
        await lost(host).take_over(*models, pay, when=lambda: host.until(ApprovalAsked), cut=cut)
        assert await host.state() is DelegationState.DONE
        assert len(await host.bodies(ApprovalAsked)) == 1
    assert ran == [40]


async def test_a_question_that_was_asked_aloud_is_not_asked_again(scene, lost):
    @tool(effects="write", approval="always")
    async def pay(euros: int) -> str:
        ran.append(euros)
        return "paid"

    async with scene() as host:

        async def asked_aloud():
            await host.until(NoteLaid)
            await host.voice((await host.notes())[0])

        script = [Call("pay", {"euros": 40}), Answer("Paid.")]
        models = ScriptedBackground(script), ScriptedBackground(script)
        await lost(host).take_over(*models, pay, when=asked_aloud)
        asked = await host.until(ApprovalAsked, 2)
        await host.approve(asked.call)
        await host.settled()
    assert [text for _, text in await host.told()] == ["May I call pay(euros=40)?", "Paid."]
    assert len({body.call for body in await host.bodies(ApprovalAsked)}) == 1


async def test_after_too_many_lost_workers_the_person_is_told_once(scene, outage):
    async with scene() as host:
        await host.ask()
        for number in range(3):
            cable = outage(host.memory)
            await host.work(ScriptedBackground(after=60, answer="-"), store=cable, name=f"w{number}")
            await host.until(Taken, number + 1)
            cable.pull()
            await anyio.sleep(LEASE_SECONDS + 0.1)
        last = await host.work(ScriptedBackground(answer="-"), name="last")
        settled = await host.settled()
        assert last.busy == 0
    assert settled.state is DelegationState.FAILED
    assert [kind for kind, _ in await host.told()] == ["failure"]


async def test_a_dead_delegation_that_is_tried_again_has_its_time_anew(scene, outage):
    async with scene() as host:
        delegation = await host.ask(seconds=30)
        for number in range(3):
            cable = outage(host.memory)
            await host.work(ScriptedBackground(after=60, answer="-"), store=cable, name=f"w{number}")
            await host.until(Taken, number + 1)
            cable.pull()
            await anyio.sleep(LEASE_SECONDS + 0.1)
        await host.work(ScriptedBackground(after=10, answer="10:14"), name="last")
        await host.until(Settled)
        await anyio.sleep(60)
        await host.memory.retry(host.conversation, delegation)
        settled = await host.settled(2)
    assert settled.state is DelegationState.DONE
    assert len({note.id for note in await host.notes()}) == len(await host.notes())
