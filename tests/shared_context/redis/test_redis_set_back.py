"""A primary and its replica, or a server that restarts with less than it had: what a listener hears in spite of it."""

import logging
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from pathlib import Path

import anyio
import pytest
from breaking_proxy import BreakingProxy, proxied
from redis_server import Killable

from counterpoint.background.model import Answer, Say, Step
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import Failed, NoteLaid
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.redis import RedisStore
from counterpoint.shared_context.store import ContextStore
from counterpoint.testing.play import Performance, hears_everything, play
from counterpoint.testing.scripted_interaction import ScriptedInteraction, delegate
from counterpoint.testing.store_actors import Host, Worker
from counterpoint.testing.store_trial import bodies

pytestmark = pytest.mark.real

RESULT = NoteLaid(Note(NoteId("n1"), NoteKind.RESULT, "At 10:14."))
QUESTIONS = ("alpha", "bravo", "charlie", "delta", "echo")
AT_MOST = 200
"""Beats after which what was not said is lost."""
AFTERWARDS = 12
ANSWERS = {name: (f"{name.title()}-begun.", f"{name.title()}-done.") for name in QUESTIONS}


class Colleague:
    name = "colleague"

    async def think(self, package: ContextPackage, *_: object) -> AsyncGenerator[Step, None]:
        assert package.current is not None
        begun, done = ANSWERS[package.current.delegation.request]
        await anyio.sleep(0.45)
        yield Say(begun)
        await anyio.sleep(0.55)
        yield Answer(f"{begun} {done}")


@pytest.fixture
def folder() -> Generator[Path, None, None]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def primary(folder: Path) -> Generator[Killable, None, None]:
    server = Killable(folder / "primary")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def replica(folder: Path, primary: Killable) -> Generator[Killable, None, None]:
    server = Killable(folder / "replica")
    server.start()
    server.follow(primary)
    yield server
    server.kill()


def waits(server: Killable) -> int:
    """How often the server was asked to wait for a replica."""
    with server.operator() as operator:
        return int(operator.info("commandstats").get("cmdstat_wait", {}).get("calls", 0))


# waiting for a replica


async def asked_and_settled(store: ContextStore) -> Host:
    host = await Host.open(store)
    await host.say("a", "b")
    await host.ask("d1")
    await (await Worker.take(store, wait=5)).settle(RESULT)
    return host


async def test_what_was_asked_and_answered_has_reached_a_replica(primary: Killable, replica: Killable) -> None:
    async with RedisStore(f"unix://{primary.path}") as store:
        host = await asked_and_settled(store)
        log = await bodies(store, host.conversation)
    assert waits(primary) >= 2
    primary.kill()
    replica.promote()
    async with RedisStore(f"unix://{replica.path}") as store:
        assert await bodies(store, host.conversation) == log


async def test_where_there_is_no_replica_nothing_waits_for_one(primary: Killable) -> None:
    async with RedisStore(f"unix://{primary.path}") as store:
        await asked_and_settled(store)
    assert waits(primary) == 0


@pytest.mark.usefixtures("replica")
async def test_whoever_wants_it_fast_waits_for_no_replica(primary: Killable) -> None:
    async with connect(f"unix://{primary.path}?durability=fast") as store:
        await asked_and_settled(store)
    assert waits(primary) == 0


async def test_a_replica_that_stands_still_holds_up_nothing_for_long_and_is_reported(
    primary: Killable, replica: Killable, caplog: pytest.LogCaptureFixture
) -> None:
    async with RedisStore(f"unix://{primary.path}", replica_seconds=0.01) as store:
        host = await Host.open(store)
        replica.stop()
        with caplog.at_level(logging.WARNING), anyio.fail_after(2):
            for number in range(5):
                await host.ask(f"d{number}")
        replica.go_on()
        assert [record.message for record in caplog.records] == [
            "no replica of the store confirmed a write within 10 ms"
        ]
        while "confirms writes again" not in caplog.text:
            number += 1
            await host.ask(f"d{number}")
            await anyio.sleep(0.01)


def test_a_durability_that_is_not_known_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="fast or replicated"):
        connect("redis://localhost?durability=fsync")


# losing the last writes


class Patient:
    """A listener who stays until every part was said, however slow the machine is, and long enough after it to hear
    what is said twice.
    """

    def __init__(self) -> None:
        self._given = ""
        self._whole_since: int | None = None

    def __call__(self, session: Session, turn: MicroTurn) -> None:
        hears_everything(session, turn)
        self._given += turn.text
        if self._whole_since is None and all(part in self._given for parts in ANSWERS.values() for part in parts):
            self._whole_since = turn.beat
        if self._whole_since is not None and turn.beat >= self._whole_since + AFTERWARDS:
            session.end()


async def conversation(
    proxy: BreakingProxy, upset: Callable[[], Awaitable[None]], at: float, *, durability: str = "fast"
) -> Performance:
    """Five questions; a fault in the middle of them."""
    asking = [delegate(name, at=3 + 4 * index) for index, name in enumerate(QUESTIONS)]

    async def act(_: Session) -> None:
        await anyio.sleep(at)
        await upset()

    async with proxied(proxy):
        store = connect(f"{proxy.url}?durability={durability}")
        runtime = Runtime(ScriptedInteraction(*asking, words_per_beat=2), Colleague(), store=store)
        return await play(runtime, beats=AT_MOST, listener=Patient(), also=act, conversation="c")


def heard_once(played: Performance) -> None:
    """What the listener was given counts, not what the log says of it."""
    given = "".join(turn.text for turn in played)
    assert {part: given.count(part) for parts in ANSWERS.values() for part in parts} == {
        part: 1 for parts in ANSWERS.values() for part in parts
    }
    numbers = [stored.entry.header.seq for stored in played.entries if stored.entry.header.role.value == "host"]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("at", [1.25, 2.55, 3.7])
async def test_a_promoted_replica_that_lacks_half_a_second_is_given_it(
    at: float, folder: Path, primary: Killable, replica: Killable
) -> None:
    proxy = BreakingProxy(primary.path, folder / "proxy.sock")

    async def fail_over() -> None:
        replica.lose_sight()
        await anyio.sleep(0.5)
        primary.kill()
        replica.promote()
        proxy.lead_to(replica.path)

    played = await conversation(proxy, fail_over, at)
    heard_once(played)
    assert [body for body in played.bodies(Failed) if body.what == "store"]


@pytest.mark.parametrize("at", [0.9, 2.35])
async def test_a_server_that_comes_back_empty_is_given_everything(at: float, folder: Path, primary: Killable) -> None:
    proxy = BreakingProxy(primary.path, folder / "proxy.sock")

    async def restart() -> None:
        primary.kill()
        await anyio.sleep(0.3)
        primary.start()

    played = await conversation(proxy, restart, at)
    heard_once(played)
    assert [stored.position for stored in played.entries] == list(range(1, len(played.entries) + 1))


async def test_a_server_that_comes_back_with_an_old_copy_is_given_the_rest(folder: Path, primary: Killable) -> None:
    proxy = BreakingProxy(primary.path, folder / "proxy.sock")

    async def restart() -> None:
        with primary.operator() as operator:
            operator.save()
        await anyio.sleep(1.0)
        primary.kill()
        primary.start()

    heard_once(await conversation(proxy, restart, 1.7))
