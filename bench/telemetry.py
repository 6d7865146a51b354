"""What watching costs: per beat (figures only, no span) and per delegation (spans, events, figures), with an SDK that
keeps them in memory, and without any.

A beat and a delegation are told to the very objects that a session and a worker have, many times over; beside it the
spans that ten minutes of an idle conversation make. Each side runs in a process of its own; several rounds, the median.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

from measuring import finish, in_a_process_of_its_own, machine
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, InMemoryLogRecordExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from counterpoint.background.model import Answer, Call, Usage
from counterpoint.background.traces import AttemptTrace
from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.traces import Traces
from counterpoint.runtime import Runtime
from counterpoint.shared_context.dates import now
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import Asked, Entry, Header, NoteLaid, Role, Settled, Stored, Taken, Turn
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import Beat, CallId, ConversationId, DelegationId, NoteId, Position, WriterId
from counterpoint.shared_context.notes import Decision, DecisionKind, Note, NoteKind
from counterpoint.shared_context.store import Fence, Lease
from counterpoint.testing import ScriptedInteraction, play
from counterpoint.testing.virtual_time import VirtualTimeLoop

BEATS = 20_000
DELEGATIONS = 500
IDLE_BEATS = 3_000
HERE = ConversationId("c")
SCRIPTED = type("Scripted", (), {"name": "local:scripted"})()


class Sdk:
    """All three signals, kept in memory: what an export costs is paid in another thread."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.traces = TracerProvider(shutdown_on_exit=False)
        self.traces.add_span_processor(BatchSpanProcessor(self.spans))
        logs = LoggerProvider(shutdown_on_exit=False)
        logs.add_log_record_processor(BatchLogRecordProcessor(InMemoryLogRecordExporter()))
        trace.set_tracer_provider(self.traces)
        set_logger_provider(logs)
        metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False))


def traces() -> Traces:
    return Traces(HERE, 1, queue="default", policy="weave", engine="scripted", backend="memory", clock=now)


def stored(body, trace: str | None) -> Stored:
    return Stored(Position(1), Entry(Header(Role.WORKER, WriterId("w"), 1, 1, now(), trace=trace), body))


def one_delegation(host: Traces, number: int) -> None:
    """Asked, taken, two inferences and a tool call, a note that waits for two reasons, woven."""
    delegation = Delegation(DelegationId(f"d{number}"), HERE, "When does it leave?")
    trace = host.wrote(Asked(delegation), Beat(1), now())
    worker = AttemptTrace(Lease(Fence(HERE, WriterId("w"), 1, delegation.id), delegation, 1, 2.0), "memory", now)
    worker.read(stored(Asked(delegation), trace))
    worker.begin(1)
    trace = worker.wrote(Taken(delegation.id))
    with worker.inference(SCRIPTED) as stepped:
        stepped(Call(CallId("1"), "search", "{}"))
    with worker.tool("search", "d1:1", "{}") as came:
        came("found", False)
    with worker.inference(SCRIPTED) as stepped:
        stepped(Usage(100, 20))
        stepped(Answer("At ten fourteen."))
    note = Note(NoteId(f"n{number}"), NoteKind.RESULT, "At ten fourteen.", delegation.id)
    worker.wrote(NoteLaid(note))
    worker.wrote(Settled(delegation.id, DelegationState.DONE))
    worker.end("done")
    host.followed(stored(NoteLaid(note), trace), Beat(10))
    host.followed(stored(Settled(delegation.id, DelegationState.DONE), trace), Beat(10))
    for beat, kind, reason in ((10, "HOLD", "person_speaking"), (20, "HOLD", "person_paused_too_briefly")):
        host.wrote(Turn(decisions=(Decision(note.id, DecisionKind[kind], reason, Beat(beat)),)), Beat(beat), now())
    woven = Decision(note.id, DecisionKind.WEAVE, "floor_open", Beat(24))
    voiced = Voiced(note.id, 0, len(note.text))
    host.wrote(Turn(decisions=(woven,), voiced=(voiced,)), Beat(24), now())


def microseconds(count: int, act: Callable[[int], None]) -> float:
    """Processor time of the thread that a session's beats run in; exports have threads of their own."""
    for number in range(count // 10):
        act(-number - 1)
    began = time.thread_time()
    for number in range(count):
        act(number)
    return (time.thread_time() - began) / count * 1e6


async def idle() -> None:
    await play(Runtime(ScriptedInteraction()), beats=IDLE_BEATS)


def measure(*, sdk: bool) -> dict[str, float]:
    watched = Sdk() if sdk else None
    host = traces()
    figures = {
        "beat": microseconds(BEATS, lambda _: host.stepped(0.001, 0.02, 1, 0.0)),
        "delegation": microseconds(DELEGATIONS, lambda number: one_delegation(host, number)),
    }
    if watched:
        watched.traces.force_flush()
        spans = watched.spans.get_finished_spans()
        figures["spans"] = len(spans) / (DELEGATIONS + DELEGATIONS // 10)
        watched.spans.clear()
        loop = VirtualTimeLoop()
        loop.run_until_complete(idle())
        loop.close()
        watched.traces.force_flush()
        figures["idle_spans"] = float(len(watched.spans.get_finished_spans()))
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes per side (default: %(default)s)")
    parser.add_argument("--one", choices=("sdk", "none"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(sdk=arguments.one == "sdk")))
        return
    rounds = {
        side: [in_a_process_of_its_own(__file__, "--one", side) for _ in range(arguments.rounds)]
        for side in ("sdk", "none")
    }
    beat, delegation, plain, plain_delegation = (
        statistics.median(each[what] for each in rounds[side])
        for side, what in (("sdk", "beat"), ("sdk", "delegation"), ("none", "beat"), ("none", "delegation"))
    )
    figures = {
        "machine": machine(),
        "rounds": arguments.rounds,
        "telemetry_us_per_beat": beat,
        "telemetry_percent_of_beat": beat / (BEAT_SECONDS * 1e6) * 100,
        "telemetry_us_per_beat_without_sdk": plain,
        "telemetry_percent_of_beat_without_sdk": plain / (BEAT_SECONDS * 1e6) * 100,
        "telemetry_spans_per_idle_beat": max(each["idle_spans"] for each in rounds["sdk"]) / IDLE_BEATS,
        "telemetry_us_per_delegation": delegation,
        "telemetry_us_per_delegation_without_sdk": plain_delegation,
        "telemetry_spans_per_delegation": rounds["sdk"][0]["spans"],
    }
    finish(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
