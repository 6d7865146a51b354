"""Hosts and workers of the previous version beside those of this one, on one server, while a fleet is rolled over.

`previous_version.zip` is the previous version's source, of commit 3986a70 (without models and commands):
`git archive --format=zip COMMIT counterpoint ...`. It is replaced with each release.
"""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
import redis_server

from counterpoint.shared_context.codec import encode, to_json
from counterpoint.shared_context.entries import Entry, Header, Role, Settled, Taken, Unknown
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.redis import RedisStore
from counterpoint.testing.store_actors import Host
from counterpoint.testing.store_trial import bodies, everything

HERE = Path(__file__).parent
VERSIONS = {"old": HERE / "previous_version.zip", "new": HERE.parents[1]}
BOTH_WAYS = pytest.mark.parametrize(("one", "other"), [("old", "new"), ("new", "old")])
ANSWER = "It leaves at 10:14."

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def socket() -> Generator[Path, None, None]:
    with redis_server.running() as path:
        yield path


@pytest.fixture
def url(socket: Path) -> str:
    with redis.Redis(unix_socket_path=str(socket)) as server:
        server.flushall()
    return f"unix://{socket}"


def process(version: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-W", "error::DeprecationWarning", str(HERE / "one_side.py"), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(VERSIONS[version])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def told(line: str, version: str) -> dict[str, Any]:
    facts = json.loads(line)
    assert facts["from"].startswith(str(VERSIONS[version]))
    return facts


def hosted(version: str, url: str, beats: int, request: str = "") -> dict[str, Any]:
    """What a host of this version made of the conversation."""
    with process(version, "host", url, "station", beats, request) as host:
        output, _ = host.communicate(timeout=60)
    assert host.returncode == 0
    facts = told(output, version)
    assert not facts["failures"]
    return facts


@contextmanager
def working(version: str, url: str, seconds: float = 0.3) -> Generator["subprocess.Popen[str]", None, None]:
    with process(version, "worker", url, seconds) as worker:
        assert worker.stdout is not None
        assert told(worker.stdout.readline(), version)["ready"]
        try:
            yield worker
        finally:
            worker.kill()


@BOTH_WAYS
def test_a_conversation_goes_on_on_a_host_of_the_other_version(one: str, other: str, url: str) -> None:
    first = hosted(one, url, 6, "the next train")
    assert first["said"] == "Let me look."
    with working(one, url):
        then = hosted(other, url, 20)
    assert ANSWER.rstrip(".") in then["said"]
    assert "Let me look." not in then["said"]
    back = hosted(one, url, 5)
    assert back["said"] == ""
    assert back["kinds"].count("Opened") == 3


@BOTH_WAYS
async def test_a_worker_that_dies_is_taken_over_by_one_of_the_other_version(one: str, other: str, url: str) -> None:
    async with RedisStore(url) as store:
        host = await Host.open(store)
        await host.ask("d1")
        with working(one, url, seconds=30) as worker:
            assert worker.stdout is not None
            assert told(worker.stdout.readline(), one)["asked"]
            async for stored in store.follow(host.conversation):
                if isinstance(stored.entry.body, Taken):
                    break
        with working(other, url) as successor:
            assert successor.stdout is not None
            assert told(successor.stdout.readline(), other)["asked"]
            async for stored in store.follow(host.conversation):
                if isinstance(stored.entry.body, Settled):
                    break
        log = await bodies(store, host.conversation)
    assert [body.attempt for body in log if isinstance(body, Taken)] == [1, 2]


@BOTH_WAYS
async def test_a_host_is_answered_by_the_other_version_and_what_nobody_knows_yet_is_kept(
    one: str, other: str, url: str
) -> None:
    thought = {"kind": "telepathy", "thought": "trains", "at": [1, 2.5, None]}
    body = Unknown("telepathy", msgspec.msgpack.encode(thought))
    async with RedisStore(url) as store:
        host = await Host.open(store, "station")
        entry = Entry(Header(Role.HOST, host.fence.writer, host.fence.epoch, 1, 0.0, version=2), body)
        await store.append(host.fence, [entry])
        with working(other, url) as worker:
            facts = hosted(one, url, 20, "the next train")
            assert worker.stdout is not None
            assert told(worker.stdout.readline(), other)["asked"] == "the next train"
        assert ANSWER.rstrip(".") in facts["said"]
        assert facts["kinds"][0] == "Unknown"
        assert facts["kinds"].count("Settled") == 1
        first = (await everything(store, ConversationId("station")))[0].entry
    assert encode(first) == encode(entry)
    assert to_json(first) == to_json(entry)
