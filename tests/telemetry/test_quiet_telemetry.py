"""What stays silent, what is bounded, and names that agree with the conventions."""

import anyio
import pytest
from opentelemetry import context
from opentelemetry.semconv._incubating.attributes import (
    gen_ai_attributes,
    messaging_attributes,
    session_attributes,
)
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics
from opentelemetry.semconv.attributes import error_attributes, server_attributes
from test_delegation_traces import runtime_of, virtual_date

from counterpoint import Runtime, telemetry
from counterpoint.errors import StoreUnavailable
from counterpoint.shared_context.entries import Asked, ToolReturned
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.telemetry import names
from counterpoint.testing import ScriptedBackground, ScriptedInteraction, delegate, play

UNRELEASED = {"gen_ai.caller.type", "gen_ai.caller.name"}
"""Of the agent-to-agent proposal; the released conventions have no word for who asks."""


def attributes() -> set[str]:
    return {value for key, value in vars(names.Is).items() if not key.startswith("_")}


@pytest.mark.virtual
async def test_what_is_silenced_exports_nothing(seen) -> None:
    with telemetry.silenced():
        await play(runtime_of(), beats=40)
    assert (seen.spans, seen.events) == ((), [])
    assert not [name for name in seen.names() if seen.measured(name)]


@pytest.mark.virtual
async def test_a_delegation_in_a_request_of_the_application_is_a_trace_of_its_own_with_a_link(seen) -> None:
    here = telemetry.begin("GET /talk", telemetry.SpanKind.INTERNAL, 0.0, {}, about={})
    with here.current():
        await play(runtime_of(), beats=40)
    here.end(1.0)
    request, root = seen.one("GET /talk"), next(span for span in seen.spans if span.kind.name == "CLIENT")
    root = next(span for span in seen.named("invoke_agent background") if span.parent is None)
    assert root.context.trace_id != request.context.trace_id
    assert root.links[0].context.span_id == request.context.span_id


@pytest.mark.virtual
async def test_what_a_tool_does_stands_below_its_call(seen) -> None:
    from counterpoint import tool
    from counterpoint.testing import Answer, Call

    @tool
    async def ask_elsewhere() -> str:
        """Asks another service."""
        return telemetry.outgoing()["traceparent"]

    script = ScriptedBackground([Call("ask_elsewhere"), Answer("Done.")])
    model = ScriptedInteraction(delegate("Ask.", at=1))
    turns = await play(Runtime(model, script, tools=[ask_elsewhere], clock=virtual_date), beats=20)
    call = seen.one("execute_tool ask_elsewhere")
    sent = next(each.result for each in turns.bodies(ToolReturned))
    assert f"{call.context.span_id:016x}" in sent


@pytest.mark.virtual
async def test_the_log_carries_the_trace_from_the_asking_on(seen) -> None:
    turns = await play(runtime_of(), beats=40)
    root = next(span for span in seen.named("invoke_agent background") if span.parent is None)
    (asked,) = (each.entry for each in turns.entries if isinstance(each.entry.body, Asked))
    told = [each.entry for each in turns.entries if each.entry.header.role.value == "worker"]
    assert asked.header.trace[:52] == f"00-{root.context.trace_id:032x}-{root.context.span_id:016x}"
    assert {entry.header.trace[3:35] for entry in told} == {f"{root.context.trace_id:032x}"}


@pytest.mark.virtual
async def test_a_store_that_is_away_is_told_as_degraded_and_recovered_and_counted(seen) -> None:
    class Away(MemoryStore):
        away = False

        async def append(self, fence, entries):
            if self.away:
                raise StoreUnavailable("gone for a walk")
            return await super().append(fence, entries)

    store = Away()

    async def outage(session) -> None:
        await anyio.sleep(1.0)
        store.away = True
        session.lay("The shop has closed.")
        await anyio.sleep(2.0)
        store.away = False

    await play(Runtime(ScriptedInteraction(), store=store, clock=virtual_date), beats=30, also=outage)
    told = [name for name in seen.event_names() if "loop" in name]
    assert told == ["counterpoint.loop.degraded", "counterpoint.loop.recovered"]
    ((labels, _, errors),) = seen.measured("counterpoint.store.errors")
    assert labels == {"backend": "away", "op": "append"}
    assert errors >= 3


class SlowModel(ScriptedInteraction):
    """Each step of it takes a beat and a half."""

    async def open(self, start):
        stream = await super().open(start)
        step = stream.step

        async def slow(*given):
            await anyio.sleep(0.3)
            return await step(*given)

        stream.step = slow
        return stream


@pytest.mark.virtual
async def test_a_step_that_takes_longer_than_its_beats_is_an_overrun(seen) -> None:
    await play(Runtime(SlowModel(), clock=virtual_date), beats=20)
    beats = {labels["outcome"]: grown for labels, _, grown in seen.measured("counterpoint.beat.count")}
    assert beats["overrun"] >= 1
    told = [event for event in seen.events if event.event_name == "counterpoint.loop.overrun"]
    assert 1 <= len(told) <= 5
    assert told[0].attributes["counterpoint.beat.duration_ms"] == 300


def test_overruns_are_told_once_a_second_with_the_number_of_the_others() -> None:
    told: list[int] = []
    bucket = telemetry.TokenBucket()
    for now in (0.0, 0.2, 0.4, 0.9, 1.1, 1.2, 2.2):
        bucket.spend(now, told.append)
    assert told == [0, 3, 1]


def test_a_bucket_begins_anew_with_a_clock_that_was_set_back() -> None:
    told: list[int] = []
    bucket = telemetry.TokenBucket()
    for now in (100.0, 0.0, 0.5):
        bucket.spend(now, told.append)
    assert told == [0, 0]


def test_names_of_the_conventions_are_the_ones_they_have() -> None:
    modules = (
        gen_ai_attributes,
        messaging_attributes,
        session_attributes,
        error_attributes,
        server_attributes,
        gen_ai_metrics,
    )
    known = {value for module in modules for value in vars(module).values() if isinstance(value, str)}
    ours = {name for name in attributes() if not name.startswith("counterpoint.")}
    assert ours - known == UNRELEASED
    measured = {metric.name for metric in names.METRICS if metric.name.startswith("gen_ai.client")}
    assert measured <= known


def test_metrics_carry_no_ids() -> None:
    labels = {value for key, value in vars(names.Label).items() if not key.startswith("_")}
    assert not [label for label in labels if "id" in label.split(".")]


def test_a_reason_of_a_policy_of_ones_own_cannot_flood_a_metric() -> None:
    from counterpoint.interaction.weave_spans import word

    assert word("person_speaking") == "person_speaking"
    assert word("held because of delegation d17 at 10:14") == "other"


def test_instrumented_libraries_are_asked_to_be_quiet_and_only_there() -> None:
    key = context._SUPPRESS_INSTRUMENTATION_KEY
    with telemetry.unobserved():
        assert context.get_value(key) is True
    assert context.get_value(key) is None
