"""`--otel`: what the commands export, and what they do where nobody takes it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from otlp_receiver import receiving

from counterpoint.cli.main import main

pytestmark = pytest.mark.real
FOLDER = Path(__file__).parent
CONVERSATION = """
import anyio, sys
from counterpoint import Runtime
from counterpoint.cli.otel import exporting
from counterpoint.testing import ScriptedBackground, ScriptedInteraction, delegate, play

async def converse():
    runtime = Runtime(ScriptedInteraction(delegate("her number: 4711", at=1)), ScriptedBackground(answer="It is 4712."))
    await play(runtime, beats=9)

with exporting(sys.argv[1], "counterpoint-host"):
    anyio.run(converse)
"""


def converse(endpoint: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CONVERSATION, endpoint],
        capture_output=True, text=True, check=False, env={**os.environ, **environment}, timeout=60,
    )  # fmt: skip


def test_spans_events_and_metrics_arrive_before_the_command_ends() -> None:
    with receiving() as (url, received):
        ran = converse(url, OTEL_EXPORTER_OTLP_HEADERS="x-team=blue")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert {span.name for span in received.spans} == {
        "invoke_agent background", "process default", "chat scripted", "weave",
    }  # fmt: skip
    assert "counterpoint.weave.woven" in {event.event_name for event in received.events}
    assert "counterpoint.beat.lag" in {metric.name for metric in received.metrics}
    assert received.resources[0]["service.name"] == "counterpoint-host"
    assert received.headers[0]["x-team"] == "blue"
    assert b"4711" not in received.raw
    assert b"4712" not in received.raw


def test_a_bucket_of_the_wait_leads_to_its_trace() -> None:
    with receiving() as (url, received):
        converse(url)
    (waits,) = (metric for metric in received.metrics if metric.name == "counterpoint.weave.wait")
    (exemplar,) = waits.histogram.data_points[0].exemplars
    assert exemplar.trace_id in {span.trace_id for span in received.spans}


def test_the_environment_may_name_the_service() -> None:
    with receiving() as (url, received):
        converse(url, OTEL_SERVICE_NAME="the-station")
    assert received.resources[0]["service.name"] == "the-station"


def test_nobody_there_delays_nothing_and_is_said_once_per_kind() -> None:
    began = time.perf_counter()
    ran = converse("http://127.0.0.1:9")
    assert ran.returncode == 0
    assert time.perf_counter() - began < 30
    lines = ran.stderr.splitlines()
    assert len(lines) == len(set(lines)) <= 3
    assert all(line.startswith("--otel: ") and "nobody answers" in line for line in lines)


def test_a_back_end_for_traces_alone_still_gets_them() -> None:
    with receiving(refuses=("/v1/logs", "/v1/metrics")) as (url, received):
        ran = converse(url)
    assert len(received.spans) == 5
    assert sorted(ran.stderr.splitlines()) == [
        "--otel: events are not delivered to 127.0.0.1: it answers 404 (said once)",
        "--otel: metrics are not delivered to 127.0.0.1: it answers 404 (said once)",
    ]


@pytest.mark.parametrize("endpoint", ["localhost:4318", "grpc://me:secret@localhost:4317", "http://", "http://[::1"])
def test_what_is_no_endpoint_is_a_sentence_without_the_password(endpoint: str, capsys) -> None:
    assert main(["worker", "--store", "redis://localhost", "--otel", endpoint]) == 1
    said = capsys.readouterr().err
    assert said == "counterpoint: --otel: an OTLP/HTTP endpoint looks like http://localhost:4318\n"


def test_without_the_extra_the_command_says_what_to_install(capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "counterpoint.cli.otel_sdk", raising=False)
    assert main(["worker", "--store", "redis://localhost", "--otel", "http://localhost:4318"]) == 1
    assert "pip install 'counterpoint[otel]'" in capsys.readouterr().err
