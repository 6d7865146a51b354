"""What the person gets from work that goes well."""

import anyio
import pytest

from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import NoteLaid, Settled, Taken, ToolCalled, ToolReturned
from counterpoint.shared_context.notes import Delivery, NoteKind, Source
from counterpoint.testing.scripted_background import Answer, Call, Progress, Say, ScriptedBackground
from counterpoint.tools.context import ToolContext
from counterpoint.tools.definition import tool

pytestmark = pytest.mark.virtual


@tool
async def departures(station: str) -> str:
    """Trains that leave a station."""
    await anyio.sleep(0.5)
    return f"10:14 from {station}"


@tool
async def passages(about: str):
    """What is written about something."""
    for number in range(3):
        await anyio.sleep(0.1)
        yield f"Passage {number} about {about}."


async def test_an_answer_becomes_a_result_note_and_settles_the_delegation(scene):
    async with scene() as host:
        with ScriptedBackground(after=1.0, answer="10:14, platform 3") as model:
            await host.work(model)
            delegation = await host.ask()
            settled = await host.settled()
    assert settled == Settled(delegation, DelegationState.DONE)
    assert await host.told() == [("result", "10:14, platform 3")]
    assert [body.attempt for body in await host.bodies(Taken)] == [1]


async def test_the_model_gets_the_whole_conversation_and_the_tools(scene):
    async with scene() as host:
        model = ScriptedBackground(answer="10:14")
        await host.work(model, departures)
        delegation = await host.ask("trains to Lyon")
        await host.settled()
    package = model.packages[0]
    assert (package.request, package.delegation) == ("trains to Lyon", delegation)
    assert package.instructions == "You are the station's guide."
    assert [schema.name for schema in model.rounds[0].tools] == ["departures"]


async def test_a_result_is_in_the_log_in_the_moment_in_which_it_is_made(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(after=1.0, answer="10:14"))
        await host.ask()
        made = anyio.current_time() + 1.0
        await host.until(NoteLaid)
        assert anyio.current_time() == made


async def test_entries_of_a_worker_say_what_caused_them_and_go_on_with_the_trace(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(answer="10:14"), name="w1")
        await host.ask()
        await host.settled()
        mine = [entry.header for entry in await host.entries() if entry.header.writer == "w1"]
    assert [(header.seq, header.cause, header.trace) for header in mine] == [
        (1, 2, "00-ab-cd-01"),
        (2, 2, "00-ab-cd-01"),
        (3, 2, "00-ab-cd-01"),
    ]


async def test_a_tool_is_called_and_the_model_gets_its_result(scene):
    async with scene() as host:
        script = [Call("departures", {"station": "Lyon"}), Answer("10:14 from Lyon")]
        with ScriptedBackground(script) as model:
            await host.work(model, departures)
            await host.ask()
            await host.settled()
    (observation,) = model.rounds[1].observations
    assert (observation.text, observation.failed) == ("10:14 from Lyon", False)
    (called,), (returned,) = await host.bodies(ToolCalled), await host.bodies(ToolReturned)
    assert (called.tool, called.arguments, called.effects) == ("departures", '{"station":"Lyon"}', "read")
    assert (returned.call, returned.result, returned.seconds) == (called.call, "10:14 from Lyon", 0.5)


async def test_calls_of_one_round_run_at_the_same_time(scene):
    async with scene() as host:
        calls = [Call("departures", {"station": station}) for station in ("Lyon", "Nice", "Metz")]
        with ScriptedBackground([*calls, Answer("Take any.")]) as model:
            await host.work(model, departures)
            await host.ask()
            await host.settled()
            assert anyio.current_time() == 0.5
    seen = sorted(each.text for each in model.rounds[1].observations)
    assert seen == ["10:14 from Lyon", "10:14 from Metz", "10:14 from Nice"]


async def test_parts_of_the_answer_are_told_at_once_and_not_again(scene):
    async with scene() as host:
        script = [
            Say("It leaves at 10:14."),
            Say("From platform 3."),
            Answer("It leaves at 10:14. From platform 3. It is on time.", after=2.0),
        ]
        await host.work(ScriptedBackground(script))
        await host.ask()
        await anyio.sleep(1.0)
        assert await host.told() == [("partial", "It leaves at 10:14."), ("partial", "From platform 3.")]
        await host.settled()
    assert (await host.told())[2:] == [("result", "It is on time.")]


async def test_a_result_that_parts_have_told_in_full_is_for_the_context_only(scene):
    async with scene() as host:
        script = [Say("It leaves at 10:14."), Answer("It leaves at 10:14.", after=1, sources=(Source("timetable"),))]
        await host.work(ScriptedBackground(script))
        await host.ask()
        await host.settled()
    result = (await host.notes())[-1]
    assert (result.kind, result.text) == (NoteKind.RESULT, "It leaves at 10:14.")
    assert (result.delivery, result.sources) == (Delivery.SILENT, (Source("timetable"),))


async def test_a_part_that_was_dropped_is_told_with_the_result(scene):
    async with scene() as host:
        await host.work(ScriptedBackground([Say("It leaves at 10:14."), Answer("It leaves at 10:14.", after=1)]))
        await host.ask()
        await host.until(NoteLaid)
        (part,) = await host.notes()
        await host.drop(part)
        await host.settled()
    assert (await host.told())[1:] == [("result", "It leaves at 10:14.")]


async def test_newer_progress_replaces_older_and_comes_once_a_second_at_most(scene):
    async with scene() as host:
        script = [Progress(f"page {n}", after=0.3) for n in range(8)]
        await host.work(ScriptedBackground([*script, Answer("found", after=0.1)]))
        await host.ask()
        await host.settled()
    progress = [note for note in await host.notes() if note.kind is NoteKind.PROGRESS]
    assert [note.text for note in progress] == ["page 0", "page 3", "page 6"]
    assert len({note.key for note in progress}) == 1


async def test_partial_results_of_a_tool_are_told_as_they_come(scene):
    async with scene() as host:
        script = [Call("passages", {"about": "turtles"}), Answer("They are old.")]
        await host.work(ScriptedBackground(script), passages)
        await host.ask()
        await anyio.sleep(0.25)
        assert await host.told() == [("partial", "Passage 0 about turtles."), ("partial", "Passage 1 about turtles.")]
        await host.settled()
    assert (await host.told())[-1] == ("result", "They are old.")


async def test_a_tool_says_how_its_results_want_to_be_told(scene):
    @tool(delivery="interrupt", ttl=30)
    async def alarms():
        yield "The 10:14 is cancelled."
        yield {"train": "10:14"}

    async with scene() as host:
        await host.work(ScriptedBackground([Call("alarms"), Answer("Take the 10:44.")]), alarms)
        await host.ask()
        await host.settled()
    notes = await host.notes()
    assert [(note.text, note.delivery) for note in notes] == [
        ("The 10:14 is cancelled.", Delivery.INTERRUPT),
        ('{"train":"10:14"}', Delivery.SILENT),
        ("Take the 10:44.", Delivery.INTERRUPT),
    ]
    assert {note.ttl for note in notes} == {30}


async def test_the_model_may_say_how_its_answer_wants_to_be_told(scene):
    async with scene() as host:
        await host.work(ScriptedBackground([Answer("10:14", delivery=Delivery.INTERRUPT)]))
        await host.ask()
        await host.settled()
    assert [note.delivery for note in await host.notes()] == [Delivery.INTERRUPT]


async def test_a_person_who_asked_is_answered_even_if_the_tool_is_silent(scene):
    @tool(delivery="silent")
    async def look() -> str:
        return "10:14"

    async with scene() as host:
        await host.work(ScriptedBackground([Call("look"), Answer("10:14")]), look)
        await host.ask()
        await host.settled()
    assert await host.told() == [("result", "10:14")]


async def test_a_running_tool_can_tell_its_progress_and_read_what_is_said_meanwhile(scene):
    @tool
    async def wait(context: ToolContext) -> str:
        context.progress("waiting for the person")
        await anyio.sleep(1)
        return f"{context.package.request} / {context.state} / {context.idempotency_key}"

    async with scene() as host:
        model = ScriptedBackground([Call("wait"), Answer("done")])
        await host.work(model, wait, state=lambda conversation: f"state of {conversation}")
        delegation = await host.ask("trains")
        await anyio.sleep(0.5)
        await host.amend(delegation, "to Nice")
        await host.settled()
    assert ("progress", "waiting for the person") in await host.told()
    returned = (await host.bodies(ToolReturned))[0]
    assert returned.result == "trains\n(correction) to Nice / state of c / c:d1:1"


async def test_two_delegations_are_worked_on_at_the_same_time(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(after=1.0, answer="10:14"))
        await host.ask("trains to Lyon")
        await host.ask("trains to Nice")
        await host.settled(2)
        assert anyio.current_time() == 1.0


async def test_half_a_character_from_a_model_harms_nothing(scene):
    async with scene() as host:
        script = [Say("It is \ud83d"), Call("d\ud83d", '{"a": "\ud83d"}'), Answer("fine \ud83d")]
        await host.work(ScriptedBackground(script))
        await host.ask()
        await host.settled()
    assert [text for _, text in await host.told()] == ["It is \ufffd", "fine \ufffd"]
