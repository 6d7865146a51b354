"""A person who changes their mind while the work is under way."""

import anyio
import pytest

from counterpoint.background.model import Observation
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import NoteLaid, Settled, Taken, ToolCalled, ToolReturned
from counterpoint.shared_context.notes import NoteKind
from counterpoint.testing.scripted_background import Answer, Call, Say, ScriptedBackground
from counterpoint.tools.definition import tool

pytestmark = pytest.mark.virtual

stopped = []


@tool
async def departures(station: str) -> str:
    """Trains that leave a station."""
    try:
        await anyio.sleep(3)
    except anyio.get_cancelled_exc_class():
        stopped.append(station)
        raise
    return f"10:14 from {station}"


@pytest.fixture(autouse=True)
def _nothing_stopped_yet():
    stopped.clear()


async def test_a_correction_reaches_the_model_at_once(scene):
    async with scene() as host:
        scripts = {"lyon": [Answer("Lyon 10:14", after=5)], "nice": [Answer("Nice 10:30", after=1)]}
        model = ScriptedBackground(scripts)
        await host.work(model)
        delegation = await host.ask("trains to Lyon")
        await anyio.sleep(2)
        await host.amend(delegation, "no, to Nice")
        await host.settled()
        assert anyio.current_time() == 3
    assert await host.told() == [("result", "Nice 10:30")]
    assert model.rounds[1].observations == (Observation("no, to Nice"),)
    assert model.packages[1].request == "trains to Lyon\n(correction) no, to Nice"
    assert model.thinking == 0


async def test_a_correction_leaves_a_running_look_up_alone(scene):
    async with scene() as host:
        model = ScriptedBackground([Call("departures", {"station": "Lyon"}), Answer("done")])
        await host.work(model, departures)
        delegation = await host.ask()
        await anyio.sleep(1)
        await host.amend(delegation, "only direct ones")
        await host.settled()
    assert stopped == []
    assert [each.text for each in model.rounds[-1].observations] == ["only direct ones", "10:14 from Lyon"]


async def test_a_result_says_what_it_was_computed_for(scene):
    async with scene() as host:
        scripts = {
            "lyon": [Say("Lyon 10:14.", after=1), Answer("-", after=9)],
            "nice": [Answer("Nice 10:30.", after=1)],
        }
        await host.work(ScriptedBackground(scripts))
        delegation = await host.ask("trains to Lyon")
        await anyio.sleep(2)
        await host.amend(delegation, "to Nice")
        await host.settled()
        positions = {
            type(stored.entry.body).__name__: stored.position for stored in await host.memory.read(host.conversation)
        }
    part, result = await host.notes()
    assert part.computed_for < positions["Amended"] <= result.computed_for


async def test_an_answer_that_takes_back_what_was_told_is_a_correction(scene):
    async with scene() as host:
        scripts = {"lyon": [Say("Lyon 10:14."), Answer("-", after=9)], "nice": [Answer("Nice 10:30.", after=1)]}
        await host.work(ScriptedBackground(scripts))
        delegation = await host.ask("trains to Lyon")
        await host.until(NoteLaid)
        (part,) = await host.notes()
        await host.voice(part)
        await host.amend(delegation, "to Nice")
        await host.settled()
    result = (await host.notes())[-1]
    assert (result.kind, result.corrects) == (NoteKind.CORRECTION, part.id)


async def test_an_answer_to_a_correction_is_a_result_if_nothing_was_told_before(scene):
    async with scene() as host:
        scripts = {"lyon": [Say("Lyon 10:14."), Answer("-", after=9)], "nice": [Answer("Nice 10:30.", after=1)]}
        await host.work(ScriptedBackground(scripts))
        delegation = await host.ask("trains to Lyon")
        await host.until(NoteLaid)
        await host.amend(delegation, "to Nice")
        await host.settled()
    assert (await host.notes())[-1].kind is NoteKind.RESULT


async def test_a_withdrawal_stops_the_model_and_its_look_ups_at_once(scene):
    async with scene() as host:
        model = ScriptedBackground([Call("departures", {"station": "Lyon"}), Answer("-")])
        worker = await host.work(model, departures)
        delegation = await host.ask()
        await anyio.sleep(1)
        await host.withdraw(delegation)
        await anyio.sleep(0.001)
        assert (stopped, worker.busy, model.thinking) == (["Lyon"], 0, 0)
    assert await host.notes() == []
    assert await host.bodies(Settled) == []


async def test_a_withdrawal_stops_a_model_that_is_thinking(scene):
    async with scene() as host:
        model = ScriptedBackground(after=60, answer="never")
        worker = await host.work(model)
        delegation = await host.ask()
        await anyio.sleep(1)
        assert model.thinking == 1
        await host.withdraw(delegation)
        await anyio.sleep(0.001)
        assert (worker.busy, model.thinking) == (0, 0)


async def test_only_what_was_withdrawn_stops(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(after=2, answer="10:14"))
        await host.ask("trains to Lyon")
        second = await host.ask("trains to Nice")
        await anyio.sleep(1)
        await host.withdraw(second)
        await host.until(NoteLaid)
        await anyio.sleep(60)
    assert len(await host.notes()) == 1


async def test_what_changes_something_and_has_begun_is_finished_in_spite_of_a_withdrawal(scene):
    finished = []

    @tool(effects="write")
    async def book() -> str:
        await anyio.sleep(5)
        finished.append("booked")
        return "booked"

    async with scene() as host:
        worker = await host.work(ScriptedBackground([Call("book"), Answer("-")]), book)
        delegation = await host.ask()
        await host.until(ToolCalled)
        await host.withdraw(delegation)
        await anyio.sleep(1)
        assert worker.busy == 1
        await anyio.sleep(5)
        assert (worker.busy, finished) == (0, ["booked"])
        assert [body.result for body in await host.bodies(ToolReturned)] == ["booked"]
        assert [body.state for body in await host.bodies(Settled)] == [DelegationState.WITHDRAWN]
    assert await host.notes() == []


async def test_a_closed_conversation_ends_its_work(scene):
    async with scene() as host:
        model = ScriptedBackground(after=60, answer="never")
        worker = await host.work(model)
        await host.ask()
        await anyio.sleep(1)
        await host.close()
        await anyio.sleep(0.001)
        assert (worker.busy, model.thinking) == (0, 0)


async def test_a_forgotten_conversation_ends_its_work(scene):
    async with scene() as host:
        model = ScriptedBackground([Call("departures", {"station": "Lyon"}), Answer("-")])
        worker = await host.work(model, departures)
        await host.ask()
        await anyio.sleep(1)
        await host.memory.forget(host.conversation)
        await anyio.sleep(0.001)
        assert (worker.busy, stopped) == (0, ["Lyon"])


async def test_work_goes_on_in_other_conversations(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(after=2, answer="10:14"))
        await host.ask()
        await anyio.sleep(1)
        await host.close()
        await host.open("another")
        await host.ask()
        assert await host.state() is DelegationState.DONE


async def test_a_correction_that_came_before_the_work_began_is_in_the_first_package(scene):
    async with scene() as host:
        delegation = await host.ask("trains to Lyon")
        await host.amend(delegation, "to Nice")
        model = ScriptedBackground(answer="10:30")
        await host.work(model)
        await host.settled()
    assert model.packages[0].request == "trains to Lyon\n(correction) to Nice"
    assert model.rounds[0].observations == ()
    assert len(await host.bodies(Taken)) == 1
