"""A delegation that crossed processes, was taken over, and waited for the person to finish, as a back end shows it."""

from pathlib import Path

import anyio
import pytest
from otlp_receiver import Received, receiving
from phoenix_server import COMMAND, phoenix, spans_of
from redis_server import running
from staging import CONVERSATION, WORKERS, stage

pytestmark = pytest.mark.real


def only(spans: list[dict], name: str, **attributes: object) -> dict:
    (span,) = (
        span
        for span in spans
        if span["name"] == name and all(span["attributes"].get(key) == value for key, value in attributes.items())
    )
    return span


def id_of(span: dict) -> str:
    return span["context"]["span_id"]


def test_three_processes_export_one_trace_with_both_attempts_and_why_the_answer_waited() -> None:
    with running() as socket, receiving() as (endpoint, received):
        killed = anyio.run(stage, f"unix://{socket}", endpoint)
    (survivor,) = set(WORKERS) - {killed}
    check_tree(received.as_a_back_end_shows_them(), killed, survivor)
    check_links(received)


@pytest.mark.backend
def test_phoenix_shows_one_trace_with_both_attempts_and_why_the_answer_waited(tmp_path: Path) -> None:
    assert COMMAND.exists(), "arize-phoenix is not installed: run `make test-telemetry`, which installs it"
    with phoenix(tmp_path) as url, running() as socket, receiving(then=url) as (endpoint, _):
        killed = anyio.run(stage, f"unix://{socket}", endpoint)
        spans = spans_of(url)
    (survivor,) = set(WORKERS) - {killed}
    check_tree(spans, killed, survivor)


def check_tree(spans: list[dict], killed: str, survivor: str) -> None:
    assert len({span["context"]["trace_id"] for span in spans}) == 1
    assert {span["attributes"]["session.id"] for span in spans} == {CONVERSATION}

    root = only(spans, "invoke_agent background", **{"gen_ai.caller.name": "interaction"})
    lost = only(spans, "process default", **{"counterpoint.delegation.attempt": 1})
    again = only(spans, "process default", **{"counterpoint.delegation.attempt": 2})
    work = only(spans, "invoke_agent background", **{"counterpoint.delegation.attempt": 2})
    weave = only(spans, "weave", **{"counterpoint.weave.kind": "result"})
    assert root["parent_id"] is None
    assert lost["parent_id"] == again["parent_id"] == weave["parent_id"] == id_of(root)
    assert work["parent_id"] == id_of(again)
    called = only(spans, "execute_tool search_timetable")
    rounds = [span for span in spans if span["name"] == "retrieval" and span["parent_id"] == id_of(work)]
    assert called["parent_id"] == id_of(work)
    assert len(rounds) == 2

    assert lost["attributes"]["messaging.client.id"] == killed
    assert lost["attributes"]["counterpoint.delegation.reported_by"] == survivor
    assert lost["attributes"]["error.type"] == "lease_expired"
    assert lost["status_code"] == "ERROR"
    assert again["attributes"]["messaging.client.id"] == survivor
    assert again["attributes"]["counterpoint.delegation.takeover"] is True
    assert again["attributes"]["counterpoint.delegation.previous_span"] == id_of(lost)

    assert root["attributes"]["counterpoint.delegation.outcome"] == "woven"
    assert weave["attributes"]["counterpoint.weave.wait_reason"] == "person_speaking"
    assert weave["attributes"]["counterpoint.weave.wait_ms"] > 2_000
    assert weave["attributes"]["counterpoint.weave.woven_reason"] == "floor_open"
    assert root["start_time"] <= lost["start_time"] < again["start_time"] < weave["start_time"]
    assert weave["end_time"] <= root["end_time"]


def check_links(received: Received) -> None:
    """On the wire, for back ends that keep links (Phoenix does not): to the attempt as its own worker named it, and as
    it was told.
    """
    by_id = {span.span_id: span for span in received.spans}
    (again,) = (span for span in received.spans if span.name == "process default" and len(span.links) == 2)
    (lost,) = (span for span in received.spans if span.name == "process default" and len(span.links) == 1)
    assert [link.span_id for link in again.links] == [lost.links[0].span_id, lost.span_id]
    assert lost.links[0].span_id not in by_id
    assert "counterpoint.delegation.takeover" in {event.event_name for event in received.events}
    assert b"Bath" not in received.raw.replace(b"the-trip-to-bath", b"")
