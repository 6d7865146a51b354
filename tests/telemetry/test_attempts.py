"""What workers tell: attempts, take-over, and the attempt of a worker that cannot tell any more."""

import anyio
import pytest
from opentelemetry.trace import StatusCode
from test_delegation_traces import seconds, timetable, virtual_date

from counterpoint.background.worker import Worker
from counterpoint.errors import StoreUnavailable
from counterpoint.runtime import Runtime
from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.testing import Answer, Call, ScriptedBackground, ScriptedInteraction, delegate, play
from counterpoint.tools.toolbox import Toolbox

pytestmark = pytest.mark.virtual


class Unplugged(MemoryStore):
    """While it is unplugged, the first worker reaches nothing: for everybody else it has died."""

    unplugged = False

    async def lease(self, queues, worker, *, seconds, wait, at_least=Priority.LOW):
        self._check(worker)
        return await super().lease(queues, worker, seconds=seconds, wait=min(wait, 0.1), at_least=at_least)

    async def renew(self, lease) -> None:
        self._check(lease.fence.writer)
        await super().renew(lease)

    async def append(self, fence, entries):
        self._check(fence.writer)
        return await super().append(fence, entries)

    async def settle(self, lease, entries):
        self._check(lease.fence.writer)
        return await super().settle(lease, entries)

    def _check(self, writer) -> None:
        if self.unplugged and writer == "first":
            raise StoreUnavailable("unplugged")


def worker_of(store, name: str, *script) -> Worker:
    return Worker(store, ScriptedBackground(script), Toolbox([timetable]), name=name, clock=virtual_date)


async def taken_over(store) -> None:
    """The first worker dies with the tool's result in its hand; the second answers."""
    asks = ScriptedInteraction(delegate("When does it leave?", at=2))
    runtime = Runtime(asks, served=True, store=store, clock=virtual_date)
    first = worker_of(store, "first", Call("timetable", {"station": "Bath"}), Answer("Never heard.", after=30.0))
    second = worker_of(store, "second", Answer("At ten fourteen.", after=0.5))

    async def work(session) -> None:
        async with anyio.create_task_group() as workers:
            workers.start_soon(first.run)
            await anyio.sleep(1.0)
            store.unplugged = True
            workers.start_soon(second.run)
            await anyio.sleep(5.0)
            store.unplugged = False

    await play(runtime, beats=40, also=work)


async def test_the_next_attempt_is_in_the_same_trace_and_linked_to_the_one_before(seen) -> None:
    await taken_over(Unplugged())
    assert len({span.context.trace_id for span in seen.spans}) == 1
    again, *_ = (span for span in seen.named("process default") if span.attributes["messaging.client.id"] == "second")
    told = next(span for span in seen.spans if "counterpoint.delegation.reported_by" in span.attributes)
    assert [link.context.span_id for link in again.links][1] == told.context.span_id
    assert again.attributes["counterpoint.delegation.attempt"] == 2
    assert again.attributes["counterpoint.delegation.takeover"]
    assert again.parent == told.parent


async def test_the_attempt_that_was_lost_is_told_by_who_took_over(seen) -> None:
    await taken_over(Unplugged())
    told = next(span for span in seen.spans if "counterpoint.delegation.reported_by" in span.attributes)
    own = next(
        span
        for span in seen.named("process default")
        if span.attributes["messaging.client.id"] == "first" and span is not told
    )
    assert told.attributes["messaging.client.id"] == "first"
    assert told.attributes["counterpoint.delegation.reported_by"] == "second"
    assert told.attributes["error.type"] == "lease_expired"
    assert told.status.status_code is StatusCode.ERROR
    assert told.links[0].context.span_id == own.context.span_id
    assert seconds(told.start_time) == pytest.approx(0.6)


async def test_a_take_over_is_counted_and_said(seen) -> None:
    await taken_over(Unplugged())
    assert [grown for _, _, grown in seen.measured("counterpoint.delegation.takeovers")] == [1]
    assert seen.event_names().count("counterpoint.delegation.takeover") == 1
    assert seen.event_names().count("counterpoint.delegation.accepted") == 1


async def test_how_long_a_delegation_waited_for_a_worker_is_told_by_the_worker(seen) -> None:
    store = MemoryStore()
    asks = ScriptedInteraction(delegate("When does it leave?", at=2))
    worker = worker_of(store, "late", Answer("At ten fourteen."))

    async def work(session) -> None:
        await anyio.sleep(2.6)
        await worker.run()

    await play(Runtime(asks, served=True, store=store, clock=virtual_date), beats=40, also=work)
    assert seen.one("process default").attributes["counterpoint.delegation.queue_wait_ms"] == 2000
    ((_, point, count),) = seen.measured("counterpoint.delegation.queue.wait")
    assert count == 1
    assert max(point.explicit_bounds) == 30


async def test_a_model_on_a_server_is_named_by_itself_and_its_server(seen) -> None:
    model = ScriptedBackground([Answer("At ten fourteen.")], name="large-3 at models.example")
    model.provider = "openai"
    await play(Runtime(ScriptedInteraction(delegate("When?", at=2)), model, clock=virtual_date), beats=20)
    chat = seen.one("chat large-3").attributes
    assert chat["gen_ai.request.model"] == "large-3"
    assert chat["gen_ai.provider.name"] == "openai"
    assert chat["server.address"] == "models.example"


async def test_tokens_and_times_of_inferences_are_measured_as_the_conventions_say(seen) -> None:
    await play(
        Runtime(
            ScriptedInteraction(delegate("When?", at=2)),
            ScriptedBackground([Call("timetable", {"station": "Bath"}), Answer("At ten fourteen.", after=0.3)]),
            tools=[timetable],
            clock=virtual_date,
        ),
        beats=30,
    )
    ((labels, point, _),) = seen.measured("gen_ai.execute_tool.duration")
    assert labels["gen_ai.tool.name"] == "timetable"
    assert point.explicit_bounds[0] == 0.01
    ((labels, _, rounds),) = seen.measured("gen_ai.client.operation.duration")
    assert labels == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "counterpoint", "gen_ai.request.model": "scripted",
    }  # fmt: skip
    assert rounds == 2
