"""`counterpoint worker` and `counterpoint dead`, run as an operator runs them, beside a real server."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx
import pytest

from counterpoint.cli.dead import place, shown
from counterpoint.config import LEASE_SECONDS
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import Asked, NoteLaid, Settled, Taken
from counterpoint.shared_context.ids import ConversationId, DelegationId
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.redis.embedded import EmbeddedServer
from counterpoint.testing import Performance, ScriptedBackground, ScriptedInteraction, delegate, hears_everything, play
from counterpoint.testing.store_actors import Host, Worker

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "counterpoint.cli.main"]

SLOW_SEARCH = '''
"""A search that comes back only while there is no file `hold`; `held` says that it was kept waiting."""

from pathlib import Path

import anyio

from counterpoint.tools import tool

HERE = Path(__file__).parent


@tool(name="search", timeout=60)
async def search(query: str) -> str:
    """Search the timetable."""
    while (HERE / "hold").exists():
        (HERE / "held").touch()
        await anyio.sleep(0.05)
    return "The last train to Oxford leaves at eleven fifteen in the evening."
'''


@pytest.fixture
async def url() -> AsyncGenerator[str, None]:
    """Of a server that these tests have for themselves."""
    async with EmbeddedServer() as server:
        yield server.url


class Running:
    """A worker's process. `log`: what it has written so far."""

    def __init__(self, process: "subprocess.Popen[bytes]", path: Path) -> None:
        self.process = process
        self._path = path

    @property
    def log(self) -> str:
        return self._path.read_text()

    async def says(self, pattern: str, seconds: float = 20) -> re.Match[str]:
        with anyio.fail_after(seconds):
            while (found := re.search(pattern, self.log)) is None:
                assert self.process.poll() is None, self.log
                await anyio.sleep(0.02)
        return found

    async def ends(self, seconds: float = 20) -> int:
        return await anyio.to_thread.run_sync(lambda: self.process.wait(seconds))


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Generator[Start, None, None]:
    """Starts workers in the test's folder; those that are still there at the end are killed."""
    running: list[Running] = []

    def started(*arguments: str) -> Running:
        log = tmp_path / f"worker-{len(running)}.log"
        with log.open("wb") as written:
            command = [*COMMAND, "worker", *arguments]
            process = subprocess.Popen(command, cwd=tmp_path, stderr=written, stdout=written)
        running.append(Running(process, log))
        return running[-1]

    yield started
    for each in running:
        each.process.kill()
        each.process.wait()


def run(*arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*COMMAND, *arguments], input=typed, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )


async def until(true: Callable[[], bool], seconds: float = 20) -> None:
    with anyio.fail_after(seconds):
        while not true():
            await anyio.sleep(0.02)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("worker", "--store", "memory://"), "no other process could reach memory://"),
        (("worker", "--store", "embedded:///some/folder"), "no other process could reach embedded://"),
        (("talk", "--served"), "no other process could reach memory://"),
        (("worker", "--store", "redis://localhost", "--background", "none"), "needs a background model"),
        (("worker", "--store", "redis://localhost", "--docs", "no/such/folder"), "not a folder"),
        (("worker", "--store", "redis://localhost", "--health", "8080"), "127.0.0.1:8080"),
        (("worker", "--store", "redis://localhost", "--drain", "-1"), "--drain"),
        (("worker", "--store", "carrier-pigeon://"), "carrier-pigeon"),
        (("dead", "--store", "memory://"), "begins empty"),
        (("dead", "--store", "redis://localhost", "--retry", "d1"), "CONVERSATION/DELEGATION"),
        (("dead", "--store", "unix:///nowhere/server.sock"), "Redis server"),
    ],
)
def test_a_wrong_option_gets_a_sentence_and_not_a_traceback(arguments: tuple[str, ...], said: str) -> None:
    ran = run(*arguments)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("id", ["c-1", "a/b", "a b\n", "50%", "\x1b[2J", "旅", "\ud800"])
def test_a_dead_letter_is_shown_in_one_printable_word_that_names_it(id: str) -> None:
    word = shown(ConversationId(id), DelegationId("d1"))
    assert word.isprintable()
    assert " " not in word
    assert place(word) == (id, "d1")


@pytest.mark.parametrize("text", ["", "d1", "/d1", "c-1/"])
def test_what_names_no_delegation_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="CONVERSATION/DELEGATION"):
        place(text)


@pytest.mark.real
async def test_a_question_is_answered_by_another_process_and_after_a_kill_by_a_third_once(
    url: str, start: Start, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "trains.md").write_text("# Trains\n\nThe last train to Bath leaves at ten forty in the evening.\n")
    (tmp_path / "slow.py").write_text(SLOW_SEARCH)
    documents = start("--store", url, "--docs", "docs", "--background", "retrieval", "--name", "documents")
    model = ScriptedInteraction(
        delegate("When does the last train to Bath leave?", on="Bath", saying="Let me look."),
        delegate("When does the last train to Oxford leave?", on="Oxford", saying="I will see."),
        words_per_beat=2,
    )
    workers = [documents]

    async def the_course_of_it(session: Session) -> None:
        await documents.says("documents works with retrieval")
        session.push("when does the last train to Bath leave?")
        await documents.says("'d1'.* done after")
        documents.process.send_signal(signal.SIGTERM)
        assert await documents.ends() == 0
        slow = ("--store", url, "--tools", "slow:search", "--name")
        (tmp_path / "hold").touch()
        workers.append(start(*slow, "killed"))
        session.push("and to Oxford?")
        await until((tmp_path / "held").exists)
        workers[1].process.kill()
        (tmp_path / "hold").unlink()
        workers.append(start(*slow, "heir"))
        await workers[2].says("'d2'.* done after")

    played = await _played_until_told(Runtime(model, store=url, served=True), the_course_of_it, "eleven fifteen")
    assert played.said.count("ten forty") == 1
    assert played.said.count("eleven fifteen") == 1
    assert [(taken.delegation, taken.attempt) for taken in played.bodies(Taken)] == [("d1", 1), ("d2", 1), ("d2", 2)]
    results = [note.note.delegation for note in played.bodies(NoteLaid) if note.note.kind is NoteKind.RESULT]
    assert results == ["d1", "d2"]
    assert [settled.delegation for settled in played.bodies(Settled)] == ["d1", "d2"]
    assert "attempt 2" in workers[2].log
    assert not any("train" in worker.log for worker in workers), "what people say stays out of the log lines"


@pytest.mark.real
async def test_who_talks_with_served_is_answered_by_the_worker(url: str, start: Start, tmp_path: Path) -> None:
    (tmp_path / "trains.md").write_text("# Trains\n\nThe last train to Bath leaves at ten forty in the evening.\n")
    worker = start("--store", url, "--docs", ".", "--queue", "other", "--queue", "trains")
    talk = ("talk", "--store", url, "--served", "--queue", "trains")
    talked = await anyio.to_thread.run_sync(lambda: run(*talk, typed="When does the last train to Bath leave?\n"))
    assert talked.returncode == 0, talked.stderr
    assert "ten forty" in " ".join(talked.stdout.split())
    assert re.search(r"'d1' of 'c-\w+' done after", worker.log)


async def _played_until_told(runtime: Runtime, course: Callable[[Session], object], words: str) -> Performance:
    """Live through the conversation until these words have been said, and a little longer, in case they come again."""
    said = ""

    def listener(session: Session, turn: object) -> None:
        nonlocal said
        hears_everything(session, turn)
        said += turn.text
        if words in said and not ending:
            ending.append(turn.beat + 10)
        if ending and turn.beat >= ending[0]:
            session.end()

    ending: list[int] = []
    return await play(runtime, beats=150, listener=listener, also=course, conversation="station")


@pytest.mark.virtual
async def test_a_host_asks_the_workers_of_its_queue() -> None:
    model = ScriptedInteraction(delegate("the last train", at=1))
    played = await play(Runtime(model, ScriptedBackground(answer="At ten."), queue="trains"), beats=20)
    assert [asked.delegation.queue for asked in played.bodies(Asked)] == ["trains"]
    assert "At ten." in played.said


@pytest.mark.real
async def test_a_worker_that_is_told_to_end_finishes_what_it_began_within_its_time(
    url: str, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "slow.py").write_text(SLOW_SEARCH)
    (tmp_path / "hold").touch()
    worker = start("--store", url, "--tools", "slow:search", "--health", "127.0.0.1:0", "--drain", "60")
    address = (await worker.says(r"health on (http://[^/]*)/"))[1]
    await worker.says("works with")
    async with connect(url) as store, httpx.AsyncClient(base_url=address) as probe:
        assert await _status(probe, "/readyz") == (200, "ready\n")
        assert await _status(probe, "/elsewhere") == (404, "there are /healthz and /readyz\n")
        host = await Host.open(store)
        await host.ask("d1")
        await until((tmp_path / "held").exists)
        worker.process.send_signal(signal.SIGTERM)
        await worker.says("SIGTERM: 1 delegations have 60 s")
        assert await _status(probe, "/readyz") == (503, "draining\n")
        assert await _status(probe, "/healthz") == (200, "alive\n")
        await host.ask("d2")
        (tmp_path / "hold").unlink()
        assert await worker.ends() == 0
        assert (await Worker.take(store)).delegation == "d2"
    assert "'d1' of 'conversation' done after" in worker.log
    assert "'d2'" not in worker.log


@pytest.mark.real
async def test_what_does_not_end_in_time_is_given_back_at_once(url: str, start: Start, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_SEARCH)
    (tmp_path / "hold").touch()
    worker = start("--store", url, "--tools", "slow:search", "--drain", "60")
    async with connect(url) as store:
        host = await Host.open(store)
        await host.ask("d1")
        await until((tmp_path / "held").exists)
        worker.process.send_signal(signal.SIGTERM)
        await worker.says("SIGTERM: 1")
        worker.process.send_signal(signal.SIGINT)
        assert await worker.ends() == 0
        assert (await Worker.take(store, wait=0)).delegation == "d1"
    assert "'d1' of 'conversation' released" in worker.log


@pytest.mark.real
async def test_a_worker_waits_for_a_store_that_is_not_there_yet(start: Start) -> None:
    server = EmbeddedServer()
    worker = start("--store", server.url, "--health", "127.0.0.1:0")
    address = (await worker.says(r"health on (http://[^/]*)/"))[1]
    await worker.says("waiting for the store")
    async with httpx.AsyncClient(base_url=address) as probe:
        assert await _status(probe, "/healthz") == (200, "alive\n")
        assert (await _status(probe, "/readyz"))[0] == 503
        async with server:
            await worker.says("works with")
            assert await _status(probe, "/readyz") == (200, "ready\n")
        assert await _status(probe, "/readyz") == (503, "the store does not answer\n")
    worker.process.send_signal(signal.SIGTERM)
    assert await worker.ends() == 0


@pytest.mark.real
async def test_a_worker_that_still_waits_for_its_store_ends_when_told(start: Start) -> None:
    worker = start("--store", "unix:///nowhere/server.sock")
    await worker.says("waiting for the store")
    worker.process.send_signal(signal.SIGTERM)
    assert await worker.ends() == 0


@pytest.mark.real
async def test_whatever_is_sent_to_the_health_port_the_worker_goes_on(url: str, start: Start) -> None:
    worker = start("--store", url, "--health", "127.0.0.1:0")
    port = int((await worker.says(r"health on http://127.0.0.1:(\d+)/"))[1])
    for sent in (b"", b"nonsense\r\n\r\n", b"\x00\xff" * 20_000, b"POST /healthz HTTP/1.1\r\n\r\n", b"GET /healthz"):
        with _connection(port) as client:
            client.sendall(sent)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as probe:
        assert (await probe.post("/healthz")).status_code == 405
        assert (await probe.head("/healthz")).status_code == 200
    assert worker.process.poll() is None
    assert "Traceback" not in worker.log
    taken = start("--store", url, "--health", f"127.0.0.1:{port}")
    assert await taken.ends() == 1
    assert "cannot listen on" in taken.log


@contextmanager
def _connection(port: int) -> Generator[socket.socket, None, None]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        yield client


async def _status(probe: httpx.AsyncClient, path: str) -> tuple[int, str]:
    answer = await probe.get(path)
    return answer.status_code, answer.text


@pytest.mark.real
async def test_what_was_given_up_is_listed_and_tried_again(url: str) -> None:
    async with connect(url) as store:
        host = await Host.open(store, "a conversation")
        await host.ask("d1", queue="poison")
        for _ in range(3):
            await Worker.take(store, "w", "poison", seconds=0.01, wait=5)
        assert await store.lease(["poison"], "w", seconds=LEASE_SECONDS, wait=0.5) is None
        listed = await anyio.to_thread.run_sync(run, "dead", "--store", url, "--queue", "poison")
        assert (listed.returncode, listed.stderr) == (0, "")
        assert listed.stdout.startswith("a%20conversation/d1  attempts=3  priority=normal  ")
        assert "When is the next train" not in listed.stdout
        retry = ("dead", "--store", url, "--retry", "a%20conversation/d1")
        assert (await anyio.to_thread.run_sync(run, *retry)).stdout == "queued again: a%20conversation/d1\n"
        assert (await Worker.take(store, "w", "poison")).lease.attempt == 1
        again = await anyio.to_thread.run_sync(run, *retry)
        assert again.returncode == 1
        assert "not among the dead letters" in again.stderr
        nothing = await anyio.to_thread.run_sync(run, "dead", "--store", url, "--queue", "poison")
        assert nothing.stdout == "no dead letters\n"
