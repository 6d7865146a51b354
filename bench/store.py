"""The shared context over a real Redis or Valkey server, beside memory://, in one run.

append: one entry, acknowledged. wake: from sending an entry until a follower in another connection has it. note to
model: from a worker's answer to the interaction model's input, in an idle text conversation. cut at publish: the
connection is cut whenever a worker writes its result; how many results were then missing from the log.
"""

import argparse
import asyncio
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
from measuring import finish, machine, quantile

from counterpoint.background.model import Answer, Observation
from counterpoint.background.worker import Worker as BackgroundWorker
from counterpoint.interaction.model import Capabilities, Offer, Perceived, Span, Start
from counterpoint.runtime import Runtime
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import NoteLaid
from counterpoint.shared_context.expressed import SILENCE, Boundary, Expressed, Voiced
from counterpoint.shared_context.ids import NoteId, SessionId
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.redis.embedded import server_binary
from counterpoint.shared_context.redis.scripts import SETTLE
from counterpoint.shared_context.store import ContextStore
from counterpoint.testing.store_actors import Host, Worker
from counterpoint.testing.store_trial import bodies
from counterpoint.tools.toolbox import Toolbox

CONVERSATIONS = 10

Store = Callable[[], ContextStore]


@contextmanager
def server() -> Generator[tuple[str, str, str], None, None]:
    """A server of one's own: its name, its URL over loopback, its URL over a unix socket."""
    installed = shutil.which("redis-server")
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        path = Path(folder, "server.sock")
        command = [installed or str(server_binary()), "--port", str(port), "--unixsocket", str(path), "--save", ""]
        with subprocess.Popen([*command, "--dir", folder], stdout=subprocess.DEVNULL) as process:
            while not path.exists():
                time.sleep(0.01)
            version = subprocess.run([command[0], "--version"], capture_output=True, text=True, check=True).stdout
            yield " ".join(version.split()[:3]), f"redis://127.0.0.1:{port}", f"unix://{path}"
            process.terminate()


async def appending(store: Store, count: int) -> list[float]:
    """Milliseconds of one acknowledged entry."""
    async with store() as kept:
        host = await Host.open(kept, f"append {time.perf_counter_ns()}")
        return [await _milliseconds(host) for _ in range(count)]


async def _milliseconds(host: Host) -> float:
    begun = time.perf_counter()
    await host.say("x" * 200)
    return (time.perf_counter() - begun) * 1000


async def waking(store: Store, count: int) -> list[float]:
    """Milliseconds from sending an entry until somebody else's follower has it."""
    waits: list[float] = []
    async with store() as kept, another(store, kept) as other, anyio.create_task_group() as tasks:
        host = await Host.open(kept, f"wake {time.perf_counter_ns()}")
        came = [anyio.Event()]

        async def follow() -> None:
            async for _ in other.follow(host.conversation):
                waits.append((time.perf_counter() - begun) * 1000)
                came[0].set()

        tasks.start_soon(follow)
        for _ in range(count):
            await anyio.sleep(random.uniform(0.002, 0.004))
            came[0] = anyio.Event()
            begun = time.perf_counter()
            await host.say("x" * 200)
            await came[0].wait()
        tasks.cancel_scope.cancel()
    return waits


@asynccontextmanager
async def another(store: Store, kept: ContextStore) -> AsyncGenerator[ContextStore, None]:
    """A connection of its own, where a store is shared by more than one process."""
    if store is memory:
        yield kept
        return
    async with store() as other:
        yield other


def memory() -> ContextStore:
    return connect("memory://")


class Answering:
    """Answers a request with itself after a random pause, and remembers when."""

    name = "answering"

    def __init__(self) -> None:
        self.ready: dict[str, float] = {}

    async def think(self, package: ContextPackage, tools, observations: list[Observation]):
        await anyio.sleep(random.uniform(0.5, 0.9))
        self.ready[package.request] = time.perf_counter()
        yield Answer(package.request)


class Watching:
    """Voices every note at once, and remembers when it got it."""

    capabilities = Capabilities("watching", partial=True)

    def __init__(self) -> None:
        self.got: dict[str, float] = {}
        self.waiting: dict[str, anyio.Event] = {}

    def place(self, session: SessionId) -> float | None:
        return None

    async def open(self, start: Start) -> "Watching":
        return self

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        if not woven:
            return SILENCE
        note = woven[0].note
        self.got[note.text] = time.perf_counter()
        self.waiting[note.text].set()
        return Expressed(note.text, voiced=(Voiced(note.id, 0, len(note.text)),), boundary=Boundary.END)

    async def aclose(self) -> None:
        pass


async def note_to_model(store: Store, trials: int) -> list[float]:
    """Milliseconds from an answer to the model's input; some conversations side by side, mostly idle."""
    model, background = Watching(), Answering()
    shared = store()
    async with (
        another(store, shared) as elsewhere,
        Runtime(model, served=True, store=shared) as runtime,
        BackgroundWorker(elsewhere, background, Toolbox(), concurrency=CONVERSATIONS),
        anyio.create_task_group() as tasks,
    ):
        for number in range(CONVERSATIONS):
            tasks.start_soon(_ask, runtime, model, f"c{number}", trials // CONVERSATIONS)
    return [(model.got[request] - ready) * 1000 for request, ready in background.ready.items()]


async def _ask(runtime: Runtime, model: Watching, name: str, trials: int) -> None:
    async with runtime.session() as session, anyio.create_task_group() as tasks:

        async def listen() -> None:
            async for turn in session:
                if turn.text:
                    session.played(turn)

        tasks.start_soon(listen)
        await anyio.sleep(random.uniform(0.5, 1.0))
        for number in range(trials):
            request = f"question {number} of {name}"
            model.waiting[request] = anyio.Event()
            session.delegate(request)
            await model.waiting[request].wait()
        tasks.cancel_scope.cancel()


async def cut_at_publish(url: str, results: int) -> int:
    """Results that are missing, or there twice, when every first write of one is cut off before its reply."""
    path = Path(tempfile.mkdtemp(), "cutting.sock")
    wrong = 0
    async with await anyio.create_unix_listener(path) as listener, anyio.create_task_group() as tasks:
        cutting = [False]

        async def serve(client: anyio.abc.SocketStream) -> None:
            server = await anyio.connect_unix(url.removeprefix("unix://"))
            async with client, server, anyio.create_task_group() as pumps:

                async def forward() -> None:
                    async for data in client:
                        await server.send(data)
                        if cutting[0] and SETTLE.sha.encode() in data:
                            cutting[0] = False
                            break
                    pumps.cancel_scope.cancel()

                pumps.start_soon(forward)
                async for data in server:
                    await client.send(data)
                pumps.cancel_scope.cancel()

        tasks.start_soon(listener.serve, serve)
        async with connect(url) as near, connect(f"unix://{path}") as far:
            for number in range(results):
                host = await Host.open(near, f"cut {number}")
                await host.ask("d1")
                worker = await Worker.take(far)
                cutting[0] = True
                note = Note(NoteId("n1"), NoteKind.RESULT, "At 10:14, platform 3.")
                await worker.settle(NoteLaid(note))
                kinds = [type(body) for body in await bodies(near, host.conversation)]
                wrong += kinds.count(NoteLaid) != 1
        tasks.cancel_scope.cancel()
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--appends", type=int, default=2000, help="appends and wakes (default: %(default)s)")
    parser.add_argument("--trials", type=int, default=200, help="notes per store (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; medians are kept (default: %(default)s)")
    arguments = parser.parse_args()
    with server() as (name, loopback, unix):
        stores: dict[str, Store] = {
            "redis": lambda: connect(loopback),
            "unix": lambda: connect(unix),
            "memory": memory,
        }
        figures: dict[str, object] = {
            "machine": machine(),
            "server": name,
            "entry_characters": 200,
        }
        measures = {
            "append": lambda store: appending(store, arguments.appends),
            "wake": lambda store: waking(store, arguments.appends // 4),
            "note_to_model": lambda store: note_to_model(store, arguments.trials),
        }
        for measure, run in measures.items():
            for where, store in stores.items():
                rounds = [asyncio.run(run(store)) for _ in range(arguments.rounds)]
                for share in (50, 99):
                    middle = statistics.median(quantile(each, share / 100) for each in rounds)
                    figures[f"{where}_{measure}_p{share}_ms"] = middle
        figures["results_cut_at_publish"] = 50
        figures["cut_at_publish_lost"] = asyncio.run(cut_at_publish(unix, 50))
    finish(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
