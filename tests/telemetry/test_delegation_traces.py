"""One trace per delegation, in virtual time: who begins it, what stands below what, and why a note waited."""

import anyio
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from counterpoint import Runtime, tool
from counterpoint.errors import Fenced
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.notes import Delivery, Note, NoteKind
from counterpoint.testing import Answer, Call, Fail, Say, ScriptedBackground, ScriptedInteraction, delegate, play, talks
from counterpoint.testing import withdraw as withdrawing

pytestmark = pytest.mark.virtual
BEGAN = 1_800_000_000.0


def virtual_date() -> float:
    return BEGAN + anyio.current_time()


@tool
async def timetable(station: str) -> str:
    """Trains from a station."""
    await anyio.sleep(0.5)
    return f"10:14 from {station}"


def runtime_of(*script, asks=None, **options) -> Runtime:
    return Runtime(
        ScriptedInteraction(asks or delegate("When does my train leave?", at=2, saying="Let me check.")),
        ScriptedBackground(script or [Call("timetable", {"station": "Bath"}), Answer("At ten fourteen.", after=0.3)]),
        tools=[timetable],
        clock=virtual_date,
        **options,
    )


def root_of(seen):
    (root,) = (span for span in seen.named("invoke_agent background") if span.kind is SpanKind.CLIENT)
    return root


def seconds(nanoseconds: int) -> float:
    return nanoseconds / 1e9 - BEGAN


async def test_a_delegation_is_one_trace_from_asked_to_told(seen) -> None:
    await play(runtime_of(), beats=40)
    parents = {span.name: span.parent for span in seen.spans}
    ids = {span.name: span.context.span_id for span in seen.spans}
    assert len({span.context.trace_id for span in seen.spans}) == 1
    root = root_of(seen)
    (attempt,) = (span for span in seen.named("invoke_agent background") if span is not root)
    process, call, weave = seen.one("process default"), seen.one("execute_tool timetable"), seen.one("weave")
    assert root.parent is None
    assert root.kind is SpanKind.CLIENT
    assert process.parent.span_id == weave.parent.span_id == root.context.span_id
    assert process.kind is SpanKind.CONSUMER
    assert attempt.parent.span_id == ids["process default"]
    assert attempt.kind is SpanKind.INTERNAL
    assert call.parent.span_id == parents["chat scripted"].span_id == attempt.context.span_id
    assert {span.name for span in seen.spans} == {
        "invoke_agent background", "process default", "chat scripted", "execute_tool timetable", "weave",
    }  # fmt: skip


async def test_spans_have_the_dates_of_the_conversation(seen) -> None:
    await play(runtime_of(), beats=40)
    root = root_of(seen)
    call, weave = seen.one("execute_tool timetable"), seen.one("weave")
    assert seconds(root.start_time) == pytest.approx(0.6)
    assert seconds(call.end_time) - seconds(call.start_time) == pytest.approx(0.5)
    assert seconds(weave.start_time) == pytest.approx(1.4)
    assert root.end_time >= weave.end_time


async def test_every_span_names_its_conversation_twice_and_the_delegation(seen) -> None:
    await play(runtime_of(), beats=40, conversation="the-trip")
    assert {span.attributes["gen_ai.conversation.id"] for span in seen.spans} == {"the-trip"}
    assert {span.attributes["session.id"] for span in seen.spans} == {"the-trip"}
    assert {span.attributes["counterpoint.delegation.id"] for span in seen.spans} == {"d1"}


async def test_a_note_waits_while_the_person_speaks_and_its_span_says_so(seen) -> None:
    turns = await play(runtime_of(), person=talks(during=range(4, 25)), beats=45)
    weave = seen.one("weave").attributes
    woven = turns.woven["At ten fourteen."]
    assert weave["counterpoint.weave.wait_reason"] == "person_speaking"
    assert weave["counterpoint.weave.woven_reason"] == "floor_open"
    assert weave["counterpoint.weave.beat"] == woven
    assert weave["counterpoint.weave.wait_ms"] == pytest.approx((woven + 1) * 200 - 1400, abs=1)
    assert weave["counterpoint.weave.position"] == "idle"
    assert weave["counterpoint.weave.policy"] == "weave_when_it_suits"


async def test_a_note_that_is_woven_at_once_waited_for_nothing(seen) -> None:
    quick = runtime_of(Answer("Done.", after=2.0))
    await play(quick, beats=40)
    weave = seen.one("weave").attributes
    assert weave["counterpoint.weave.wait_reason"] == "none"
    assert weave["counterpoint.weave.outcome"] == "woven"


async def test_the_steps_of_the_work_are_events_of_its_spans(seen) -> None:
    await play(runtime_of(), person=talks(during=range(4, 25)), beats=45)
    assert seen.event_names() == [
        "counterpoint.delegation.requested",
        "counterpoint.delegation.accepted",
        "counterpoint.delegation.first_chunk",
        "counterpoint.delegation.done",
        "counterpoint.weave.ready",
        "counterpoint.weave.deferred",
        "counterpoint.weave.deferred",
        "counterpoint.weave.woven",
    ]
    weave, root = seen.one("weave"), root_of(seen)
    assert seen.events[-1].span_id == weave.context.span_id
    assert seen.events[0].span_id == root.context.span_id


async def test_an_idle_beat_makes_no_span_and_no_event(seen) -> None:
    await play(Runtime(ScriptedInteraction(), clock=virtual_date), beats=100)
    assert seen.spans == ()
    assert seen.events == []
    ((_, _, beats),) = seen.measured("counterpoint.beat.count")
    assert beats == 100


async def test_a_part_that_is_said_early_has_a_weave_of_its_own(seen) -> None:
    await play(runtime_of(Say("I am looking.", after=0.2), Answer("At ten fourteen.", after=4.0)), beats=60)
    kinds = {span.attributes["counterpoint.weave.kind"] for span in seen.named("weave")}
    assert kinds == {"partial", "result"}


async def test_data_that_nobody_is_to_hear_has_no_wait(seen) -> None:
    async def lay(session) -> None:
        session.lay('{"platform": 3}', delivery=Delivery.SILENT)

    await play(Runtime(ScriptedInteraction(), clock=virtual_date), beats=10, also=lay)
    assert seen.spans == ()


async def test_what_was_withdrawn_ends_as_cancelled(seen) -> None:
    model = ScriptedInteraction(delegate("Look it up", at=2), withdrawing(at=8))
    background = ScriptedBackground([Answer("Too late.", after=20.0)])
    await play(Runtime(model, background, clock=virtual_date), beats=30)
    root = root_of(seen)
    assert root.attributes["counterpoint.delegation.outcome"] == "cancelled"
    assert "counterpoint.delegation.cancelled" in seen.event_names()
    assert {span.status.status_code for span in seen.spans} == {StatusCode.UNSET}
    assert seen.one("process default").attributes["counterpoint.delegation.outcome"] == "over"
    assert seen.one("chat scripted").attributes["gen_ai.response.finish_reasons"] == ("cancelled",)


async def test_a_call_that_was_stopped_is_cancelled_and_no_error(seen) -> None:
    model = ScriptedInteraction(delegate("Look it up", at=2), withdrawing(at=4))
    background = ScriptedBackground([Call("timetable", {"station": "Bath"}), Answer("Too late.")])
    await play(Runtime(model, background, tools=[timetable], clock=virtual_date), beats=30)
    call = seen.one("execute_tool timetable")
    assert call.attributes["error.type"] == "cancelled"
    assert call.status.status_code is StatusCode.UNSET


async def test_a_model_that_fails_is_an_error_without_its_words(seen) -> None:
    await play(runtime_of(Fail(ValueError("her card number"))), beats=40)
    root = root_of(seen)
    failed = seen.named("chat scripted")[0]
    assert root.attributes["counterpoint.delegation.outcome"] == "failed"
    assert root.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "ValueError"
    assert "her card number" not in "".join(span.to_json() for span in seen.spans)


async def test_no_span_is_longer_than_ten_minutes(seen) -> None:
    idle = Runtime(ScriptedInteraction(voices_notes=False), clock=virtual_date)

    async def lay(session) -> None:
        session.lay(Note(NoteId("n1"), NoteKind.RESULT, "The shop has closed.", ttl=3600.0))

    await play(idle, person=talks(during=range(3400)), beats=3400, also=lay)
    weave = seen.one("weave")
    assert weave.attributes["error.type"] == "deadline"
    assert seconds(weave.end_time) - seconds(weave.start_time) == pytest.approx(600, abs=1)


async def test_a_session_that_is_left_leaves_no_span_open(seen) -> None:
    await play(runtime_of(Answer("At ten fourteen.", after=60.0)), beats=10)
    root = root_of(seen)
    assert root.attributes["counterpoint.delegation.outcome"] == "left"


async def test_a_host_that_goes_on_with_a_conversation_goes_on_with_its_trace(seen) -> None:
    store = runtime_of().store
    slow = ScriptedBackground([Answer("At ten fourteen.", after=6.0)])
    first = Runtime(ScriptedInteraction(delegate("When?", at=2)), served=True, store=store, clock=virtual_date)
    second = Runtime(ScriptedInteraction(), slow, store=store, clock=virtual_date)
    async with store:
        await play(first, beats=10, conversation="moved")
        await play(second, beats=60, conversation="moved")
    assert len({span.context.trace_id for span in seen.spans}) == 1
    old, new = (span for span in seen.named("invoke_agent background") if span.kind is SpanKind.CLIENT)
    assert new.parent.span_id == old.context.span_id
    assert new.links[0].context.span_id == old.context.span_id
    assert new.attributes["counterpoint.delegation.resumed"]
    assert seen.one("weave").parent.span_id == new.context.span_id


async def test_a_host_that_was_taken_over_ends_its_spans_and_the_next_goes_on_in_the_trace(seen) -> None:
    store = MemoryStore()
    old, new = (
        Runtime(ScriptedInteraction(*script), served=True, store=store, clock=virtual_date)
        for script in ([delegate("When?", at=2)], [])
    )

    async def host_until_taken_over() -> None:
        with pytest.raises(Fenced):
            await play(old, beats=60, conversation="moved")

    async with store, anyio.create_task_group() as tasks:
        tasks.start_soon(host_until_taken_over)
        await anyio.sleep(3.0)
        await play(new, beats=10, conversation="moved")
    first, second = sorted(seen.named("invoke_agent background"), key=lambda span: span.start_time)
    assert first.attributes["counterpoint.delegation.outcome"] == "left"
    assert second.parent.span_id == first.context.span_id
    assert second.attributes["counterpoint.session.epoch"] > first.attributes["counterpoint.session.epoch"]


async def test_without_the_opt_in_nothing_that_was_said_leaves_the_process(seen, monkeypatch) -> None:
    monkeypatch.delenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", raising=False)
    await play(runtime_of(), beats=40)
    told = "".join(span.to_json() for span in seen.spans) + "".join(str(event.attributes) for event in seen.events)
    assert not [word for word in ("train", "Bath", "fourteen") if word in told]


async def test_with_the_opt_in_spans_show_what_was_said_and_done(seen, monkeypatch) -> None:
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    await play(runtime_of(), beats=40)
    root = root_of(seen)
    assert root.attributes["gen_ai.input.messages"] == "When does my train leave?"
    assert seen.one("weave").attributes["gen_ai.output.messages"] == "At ten fourteen."
    call = seen.one("execute_tool timetable").attributes
    assert call["gen_ai.tool.call.arguments"] == '{"station":"Bath"}'
    assert call["gen_ai.tool.call.result"] == "10:14 from Bath"
