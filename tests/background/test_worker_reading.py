"""What a worker knows of a conversation that is long, shortened or gone."""

import anyio
import pytest

from counterpoint.background.attempt import Attempt
from counterpoint.background.limits import Limits
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Turn
from counterpoint.shared_context.ids import WriterId
from counterpoint.shared_context.timeline import Timeline
from counterpoint.testing.scripted_background import Answer, Call, ScriptedBackground
from counterpoint.tools.context import ToolContext
from counterpoint.tools.definition import tool

pytestmark = pytest.mark.virtual


async def talk(host, *lines):
    for line in lines:
        await host.write(Turn(texts=(TextChunk(line),)))
        await host.write(Turn(text="I see."))


async def shorten(host, data=None):
    """The host keeps a snapshot and removes what it stands for."""
    timeline = Timeline(host.conversation)
    for stored in await host.memory.read(host.conversation, limit=100_000):
        timeline.apply(stored)
    await host.memory.snapshot(host.fence, timeline.tail, data or timeline.snapshot())
    await host.memory.trim(host.fence, timeline.tail)


def words(package):
    return [utterance.text for utterance in package.utterances if utterance.speaker.value == "person"]


async def test_a_long_conversation_is_read_whole(scene):
    async with scene() as host:
        await talk(host, *(f"line {n}" for n in range(150)))
        model = ScriptedBackground(answer="-")
        await host.work(model)
        await host.ask()
        await host.settled()
    assert words(model.packages[0]) == [f"line {n}" for n in range(150)]


async def test_a_shortened_conversation_is_known_from_its_snapshot(scene):
    async with scene() as host:
        await talk(host, "I am Ada.")
        await shorten(host)
        await talk(host, "Trains, please.")
        model = ScriptedBackground(answer="-")
        await host.work(model)
        await host.ask()
        await host.settled()
    assert words(model.packages[0]) == ["I am Ada.", "Trains, please."]
    assert model.packages[0].instructions == "You are the station's guide."


async def test_a_snapshot_that_cannot_be_read_costs_what_it_stood_for_and_no_more(scene):
    async with scene() as host:
        await talk(host, "I am Ada.")
        await shorten(host, b"garbage")
        await talk(host, "Trains, please.")
        model = ScriptedBackground(answer="-")
        await host.work(model)
        await host.ask()
        assert await host.state() is DelegationState.DONE
    assert words(model.packages[0]) == ["Trains, please."]


async def test_where_the_words_that_asked_cannot_be_read_any_more_they_count_as_said_just_now(scene):
    ran = []

    @tool(effects="write")
    async def book(context: ToolContext) -> str:
        ran.append(anyio.current_time())
        return "booked"

    async with scene() as host:
        delegation = await host.ask("book the 10:14")
        await host.amend(delegation, "by the window")
        await anyio.sleep(10)
        await shorten(host)
        await host.work(ScriptedBackground([Call("book"), Answer("Booked.")]), book)
        await host.settled()
    assert ran == [11.5]


async def test_what_is_said_while_the_work_goes_on_is_in_the_next_package(scene):
    @tool
    async def look() -> str:
        await anyio.sleep(1)
        return "10:14"

    async with scene() as host:
        model = ScriptedBackground([Call("look"), Answer("-")])
        await host.work(model, look)
        await host.ask()
        await anyio.sleep(0.5)
        await talk(host, "I am in a hurry.")
        await host.settled()
    assert [words(package) for package in model.packages] == [[], ["I am in a hurry."]]


async def test_a_conversation_forgotten_before_the_work_begins_is_no_failure_of_the_worker(scene, outage, caplog):
    async with scene() as host:
        cable = outage(host.memory)
        worker = await host.work(ScriptedBackground(answer="-"), store=cable)
        await host.ask()
        cable.pull()
        await host.memory.forget(host.conversation)
        cable.plug()
        await anyio.sleep(5)
        assert worker.busy == 0
    assert "failed" not in caplog.text


async def test_what_was_asked_is_known_although_the_store_has_lost_it(scene):
    async with scene() as host:
        set_back = host.memory.remembered()
        await host.ask("trains to Lyon")
        lease = await host.memory.lease(["default"], WriterId("w"), seconds=2, wait=0)
        attempt = Attempt(host.memory, lease, Limits(), host.now)
        await attempt.read(lambda _: None)
        set_back()
        await attempt.read(lambda _: None)
        assert attempt.timeline.work(lease.delegation.id) is None
        assert attempt.package().request == "trains to Lyon"
