"""How much a worker takes, how it ends, and what it brings for its tools."""

from contextlib import asynccontextmanager

import anyio
import pytest

from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.delegations import DelegationState, Priority
from counterpoint.shared_context.entries import Settled, Taken, ToolCalled, ToolReturned
from counterpoint.testing.scripted_background import Answer, Call, ScriptedBackground
from counterpoint.tools.context import ToolContext
from counterpoint.tools.definition import tool
from counterpoint.tools.toolbox import Toolbox

pytestmark = pytest.mark.virtual


async def taken(host):
    return [body.delegation for body in await host.bodies(Taken)]


async def test_a_worker_takes_only_what_it_can_begin(scene):
    async with scene() as host:
        worker = await host.work(ScriptedBackground(after=1, answer="10:14"), concurrency=2)
        asked = [await host.ask() for _ in range(5)]
        await anyio.sleep(0.5)
        assert (worker.busy, await taken(host)) == (2, asked[:2])
        await host.settled(5)
        assert anyio.current_time() == 3


async def test_what_one_worker_cannot_take_another_does(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(after=1, answer="10:14"), concurrency=1, name="one")
        await host.work(ScriptedBackground(after=1, answer="10:14"), concurrency=1, name="two")
        await host.ask()
        await host.ask()
        await host.settled(2)
        assert anyio.current_time() == 1


async def test_urgent_work_does_not_wait_for_a_slot(scene):
    async with scene() as host:
        scripts = {"slow": [Answer("-", after=10)], "urgent": [Answer("now", after=1)]}
        await host.work(ScriptedBackground(scripts), concurrency=1)
        await host.ask("slow")
        await host.ask("slow")
        await anyio.sleep(1)
        await host.ask("urgent", priority=Priority.HIGH)
        await host.until(Settled)
        assert anyio.current_time() == 2
        assert await host.told() == [("result", "now")]


async def test_more_urgent_work_is_taken_first(scene):
    async with scene() as host:
        asked = [await host.ask(priority=priority) for priority in (Priority.LOW, Priority.NORMAL, Priority.NORMAL)]
        await host.work(ScriptedBackground(after=1, answer="-"), concurrency=1)
        await host.settled(3)
        assert await taken(host) == [asked[1], asked[2], asked[0]]


async def test_a_worker_takes_from_its_own_queues(scene):
    async with scene() as host:
        await host.ask(queue="slow")
        mine = await host.ask(queue="fast")
        await host.work(ScriptedBackground(answer="-"), queues=("fast",))
        await host.settled()
        await anyio.sleep(30)
        assert await taken(host) == [mine]


async def test_work_for_a_newer_version_is_left_to_a_newer_worker(scene):
    async with scene() as host:
        await host.ask(version=99)
        model = ScriptedBackground(answer="-")
        await host.work(model)
        await anyio.sleep(10)
        assert (await taken(host), model.rounds) == ([], [])


async def test_a_drained_worker_finishes_what_it_began_and_takes_nothing_new(scene):
    async with scene() as host:
        worker = await host.work(ScriptedBackground(after=2, answer="10:14"))
        first = await host.ask()
        await anyio.sleep(1)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(worker.drain, 5)
            await anyio.sleep(0.1)
            await host.ask()
        assert anyio.current_time() == 2
        assert [body.delegation for body in await host.bodies(Settled)] == [first]
        assert await taken(host) == [first]


async def test_what_a_drained_worker_cannot_finish_in_time_is_given_back_at_once(scene):
    async with scene() as host:
        worker = await host.work(ScriptedBackground(after=60, answer="-"), name="one")
        await host.ask()
        await anyio.sleep(1)
        await worker.drain(2)
        assert anyio.current_time() == 3
        await host.work(ScriptedBackground(answer="10:14"), name="two")
        await host.settled()
        assert anyio.current_time() == 3
        assert [body.attempt for body in await host.bodies(Taken)] == [1, 2]


async def test_an_idle_worker_drains_at_once(scene):
    async with scene() as host:
        worker = await host.work(ScriptedBackground(answer="-"))
        await worker.drain(5)
        assert anyio.current_time() == 0


@tool(effects="write")
async def book() -> str:
    await anyio.sleep(3)
    return "booked"


@pytest.mark.parametrize("how", ["drained", "cancelled"])
async def test_a_write_in_flight_ends_and_is_recorded_before_the_worker_does(scene, how):
    async with scene() as host:
        worker = host.worker(ScriptedBackground([Call("book"), Answer("Booked.")]), book, name="one")
        async with anyio.create_task_group() as tasks:
            await tasks.start(worker.run)
            await host.ask()
            await host.until(ToolCalled)
            if how == "drained":
                await worker.drain(0)
            tasks.cancel_scope.cancel()
        assert [body.result for body in await host.bodies(ToolReturned)] == ["booked"]
        second = ScriptedBackground(answer="It is booked.")
        await host.work(second, book, name="two")
        await host.settled()
        assert [each.text for each in second.rounds[0].observations] == ["booked"]


async def test_a_cancelled_worker_gives_back_what_it_has(scene):
    async with scene() as host:
        worker = host.worker(ScriptedBackground(after=60, answer="-"))
        async with anyio.create_task_group() as tasks:
            await tasks.start(worker.run)
            await host.ask()
            await host.until(Taken)
            tasks.cancel_scope.cancel()
        await host.work(ScriptedBackground(answer="10:14"))
        assert await host.state() is DelegationState.DONE
        assert anyio.current_time() < 0.1


async def test_look_ups_cut_off_by_a_drained_worker_are_made_again(scene):
    ran = []

    @tool
    async def look() -> str:
        ran.append(anyio.current_time())
        await anyio.sleep(2)
        return "10:14"

    async with scene() as host:
        script = [Call("look"), Answer("10:14")]
        worker = await host.work(ScriptedBackground(script), look, name="one")
        await host.ask()
        await anyio.sleep(1)
        await worker.drain(0)
        await host.work(ScriptedBackground(script), look, name="two")
        await host.settled()
    assert ran == [0, 1]


async def test_a_lifespan_gives_the_tools_their_state(scene):
    events = []

    @asynccontextmanager
    async def lifespan():
        events.append("begins")
        yield {"database": "open"}
        events.append("ends")

    @tool
    async def look(context: ToolContext) -> str:
        events.append("looks")
        return context.state["database"]

    async with scene() as host:
        model = ScriptedBackground([Call("look"), Answer("-")])
        worker = await host.work(model, look, lifespan=lifespan)
        await host.ask()
        await host.settled()
        await worker.drain(1)
    assert events == ["begins", "looks", "ends"]
    assert model.rounds[1].observations[0].text == "open"


async def test_a_lifespan_that_fails_is_the_worker_s_failure(scene):
    @asynccontextmanager
    async def lifespan():
        raise ConnectionError("no database")
        yield

    async with scene() as host:
        with pytest.raises(ConnectionError, match="no database"):
            await host.work(ScriptedBackground(answer="-"), lifespan=lifespan)


async def test_a_state_function_that_raises_costs_one_delegation_and_not_the_worker(scene):
    def state(conversation):
        if conversation == "c":
            raise KeyError(conversation)

    async with scene() as host:
        worker = await host.work(ScriptedBackground(answer="10:14"), state=state)
        await host.ask()
        await anyio.sleep(1)
        assert worker.busy == 0
        await host.open("another")
        await host.ask()
        assert await host.state() is DelegationState.DONE


@pytest.mark.parametrize("options", [{"concurrency": 0}, {"queues": ()}, {"queues": "default"}])
def test_a_worker_needs_room_and_queues(scene, options):
    with pytest.raises(ConfigurationError, match="a worker needs"):
        scene().worker(ScriptedBackground(answer="-"), **options)


def test_state_has_one_origin(scene):
    with pytest.raises(ConfigurationError, match="not from both"):
        scene().worker(ScriptedBackground(answer="-"), lifespan=lambda: None, state=lambda _: None)


async def test_a_worker_runs_once(scene):
    async with scene() as host:
        worker = await host.work(ScriptedBackground(answer="-"))
        with pytest.raises(ConfigurationError, match="runs already"):
            await worker.run()


def test_a_worker_can_be_made_before_there_is_an_event_loop():
    from counterpoint.background.worker import Worker
    from counterpoint.shared_context.memory import MemoryStore

    assert Worker(MemoryStore(), ScriptedBackground(answer="-"), Toolbox()).busy == 0


async def test_many_delegations_are_all_settled_once(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(after=0.3, answer="10:14"), concurrency=4)
        await host.work(ScriptedBackground(after=0.3, answer="10:14"), concurrency=4)
        for _ in range(100):
            await host.ask()
        await host.settled(100)
        ends = [body.delegation for body in await host.bodies(Settled)]
    assert len(set(ends)) == 100
