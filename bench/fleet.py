"""How many conversations one Redis or Valkey, four host processes and four workers hold on this machine.

Trivial models. In each conversation the agent says a word a second, the person types a line and the model delegates
something that takes half a second, each about every ten seconds; the listener acknowledges what it plays. The count
rises until beats are late (p99 of 10 ms), a result needs long from the worker's answer to the model's input (p99 of
100 ms), or answers stay away. Each count gets fresh hosts; the workers stay. About four minutes.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import redis
from anyio.abc import TaskStatus
from measuring import finish, machine, quantile

from counterpoint.background.model import Answer, Observation
from counterpoint.background.worker import Worker
from counterpoint.interaction.model import Capabilities, Offer, Perceived, Span, Start
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.expressed import SILENCE, Boundary, Delegate, Expressed, Voiced
from counterpoint.shared_context.ids import SessionId
from counterpoint.shared_context.notes import Delivery
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.redis.embedded import server_binary
from counterpoint.tools.toolbox import Toolbox

COUNTS = (50, 100, 200, 400, 600, 800, 1000)
HOSTS = WORKERS = 4
EVERY_SECONDS = 10.0
WORK_SECONDS = 0.5
LATE_MS = 10.0
SLOW_MS = 100.0
BUSY = 0.6
"""How busy a processor may be on average, so that there is room for peaks and for what fails over to it."""

SETTLE_SECONDS = 4.0
"""From when all sessions are open until they are measured."""

TICKS = os.sysconf("SC_CLK_TCK")


class Talking:
    """Says a word a second and every note at once. Notes hold the moment at which they were ready."""

    capabilities = Capabilities("talking", partial=True)

    def __init__(self) -> None:
        self.waits: list[tuple[float, float]] = []

    def place(self, session: SessionId) -> float | None:
        return None

    async def open(self, start: Start) -> "Stream":
        return Stream(self)

    async def aclose(self) -> None:
        pass


class Stream:
    def __init__(self, model: Talking) -> None:
        self._waits = model.waits
        self._every = round(EVERY_SECONDS / 0.2)
        self._asks_at = random.randrange(self._every)

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        now = time.perf_counter()
        if woven:
            note = woven[0].note
            self._waits.append((now, now - float(note.text)))
            return Expressed(note.text, voiced=(Voiced(note.id, 0, len(note.text)),), boundary=Boundary.END)
        if span.part:
            return SILENCE
        if span.last % self._every == self._asks_at:
            return Expressed("word", actions=(Delegate(f"question {span.last}"),), boundary=Boundary.END)
        return Expressed("word", boundary=Boundary.END) if span.last % 5 == 0 else SILENCE

    async def aclose(self) -> None:
        pass


class Answering:
    """Takes its time, and answers with the moment at which it was ready."""

    name = "answering"

    async def think(self, package: ContextPackage, tools, observations: list[Observation]):
        await anyio.sleep(WORK_SECONDS)
        yield Answer(f"{time.perf_counter():.6f}", delivery=Delivery.INTERRUPT)  # no wait of the policy's own


async def hosting(url: str, count: int, seconds: float) -> dict[str, Any]:
    """Says `ready` when all sessions are open, and is told when to begin, on the machine's monotonic clock."""
    model, late = Talking(), []
    begin = float("inf")
    async with Runtime(model, served=True, store=url) as runtime, anyio.create_task_group() as tasks:

        async def converse(*, task_status: TaskStatus[None]) -> None:
            async with runtime.session() as session, anyio.create_task_group() as own:
                task_status.started()
                own.start_soon(_type, session)
                async for turn in session:
                    if turn.part == 0 and begin <= time.perf_counter() < begin + seconds:
                        late.append(turn.late)
                    if turn.text:
                        session.played(turn)

        for _ in range(count):
            await tasks.start(converse)
        gc.collect()
        gc.freeze()
        print("ready", flush=True)
        begin = float(await anyio.to_thread.run_sync(sys.stdin.readline))
        await anyio.sleep(begin + seconds - time.perf_counter())
        tasks.cancel_scope.cancel()
    waits = [waited for at, waited in model.waits if begin <= at < begin + seconds]
    return {"late": _ms(late), "waits": _ms(waits)}


async def _type(session: Session) -> None:
    await anyio.sleep(random.uniform(0, EVERY_SECONDS))
    while True:
        session.push("and what about the next one?")
        await anyio.sleep(EVERY_SECONDS)


def _ms(values: Sequence[float]) -> list[float]:
    return [round(value * 1000, 2) for value in values]


async def working(url: str) -> None:
    async with connect(url) as store, Worker(store, Answering(), Toolbox(), concurrency=64):
        await anyio.sleep_forever()


@contextmanager
def server() -> Generator[tuple[str, int, int], None, None]:
    """A server of one's own: its version, its port on loopback, its process id."""
    installed = shutil.which("redis-server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    binary = installed or str(server_binary())
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--dir", folder]
        with subprocess.Popen([binary, "--port", str(port), *durable], stdout=subprocess.DEVNULL) as process:
            try:
                yield " ".join(version.split()[:3]), port, process.pid
            finally:
                process.terminate()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def busy_cores() -> float:
    """Seconds that all cores of this machine have been busy, with anything."""
    user, nice, system, _, _, irq, soft, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + soft) / TICKS


class Fleet:
    def __init__(self, port: int, server_pid: int, workers: list[subprocess.Popen[str]]) -> None:
        self._port = port
        self._server = server_pid
        self._workers = workers
        self._operator = redis.Redis(port=port)

    def hold(self, count: int, seconds: float) -> dict[str, Any]:
        """The figures of so many conversations."""
        self._operator.flushall()
        shares = [count // HOSTS + (each < count % HOSTS) for each in range(HOSTS)]
        hosts = [_itself("--host", share, self._port, seconds) for share in shares]
        for host in hosts:
            if host.stdout is None or host.stdout.readline() != "ready\n":
                sys.exit("a host process failed")
        begin = time.perf_counter() + SETTLE_SECONDS
        for host in hosts:
            _tell(host, begin)
        time.sleep(begin - time.perf_counter())
        before = self._facts(hosts)
        time.sleep(begin + seconds - time.perf_counter())
        after = self._facts(hosts)
        spent = {name: (after[name] - before[name]) / (after["at"] - before["at"]) for name in after}
        results = [json.loads(_output(host)) for host in hosts]
        late = [value for each in results for value in each["late"]]
        waits = [value for each in results for value in each["waits"]]
        return {
            "conversations": count,
            "late_p99_ms": quantile(late, 0.99),
            "note_to_model_p50_ms": quantile(waits, 0.5),
            "note_to_model_p99_ms": quantile(waits, 0.99),
            "notes_per_second": len(waits) / seconds,
            "expected_per_second": count / EVERY_SECONDS,
            "commands_per_second": spent["commands"],
            "scripts_per_second": spent["scripts"],
            "redis_core_percent": spent["redis"] * 100,
            "host_core_percent": spent["hosts"] * 100 / HOSTS,
            "worker_core_percent": spent["workers"] * 100 / WORKERS,
            "machine_cores_busy": spent["machine"],
            "redis_mb": after["memory"] / 1e6,
            "redis_network_mb_per_second": spent["network"] / 1e6,
        }

    def _facts(self, hosts: list[subprocess.Popen[str]]) -> dict[str, float]:
        facts = self._operator.info("everything")
        scripts = sum(facts.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "eval"))
        calls = sum(value["calls"] for name, value in facts.items() if name.startswith("cmdstat_"))
        return {
            "at": time.perf_counter(),
            "commands": calls,
            "scripts": scripts,
            "redis": cpu_seconds(self._server),
            "hosts": sum(cpu_seconds(host.pid) for host in hosts),
            "workers": sum(cpu_seconds(worker.pid) for worker in self._workers),
            "machine": busy_cores(),
            "memory": facts["used_memory"],
            "network": facts["total_net_input_bytes"] + facts["total_net_output_bytes"],
        }


def _itself(role: str, value: int, port: int, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, role, str(value), "--seconds", str(seconds)]
    command += ["--store", f"redis://127.0.0.1:{port}"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _tell(host: subprocess.Popen[str], begin: float) -> None:
    assert host.stdin is not None
    host.stdin.write(f"{begin}\n")
    host.stdin.flush()


def _output(host: subprocess.Popen[str]) -> str:
    output = host.communicate(timeout=120)[0]
    if host.returncode:
        sys.exit("a host process failed")
    return output.strip().splitlines()[-1]


def broke_on(figures: dict[str, Any]) -> str:
    """Why so many were too many; an empty text if they were not."""
    late, slow = figures["late_p99_ms"], figures["note_to_model_p99_ms"]
    missing = figures["notes_per_second"] < 0.8 * figures["expected_per_second"]
    if late < LATE_MS and slow < SLOW_MS and not missing:
        return ""
    what = "answers stay away" if missing else "beats are late" if late >= LATE_MS else "results come late"
    if figures["machine_cores_busy"] > 0.9 * (os.cpu_count() or 1):
        return f"{what}: all {os.cpu_count()} cores of the machine are busy"
    busiest = max(("redis", "host", "worker"), key=lambda who: figures[f"{who}_core_percent"])
    return f"{what}: a {busiest} process has {figures[f'{busiest}_core_percent']:.0f} % of a core"


def measure(counts: Sequence[int], seconds: float, *, to_the_end: bool) -> dict[str, Any]:
    steps: list[dict[str, Any]] = []
    with server() as (version, port, pid):
        workers = [_itself("--worker", 1, port, 0) for _ in range(WORKERS)]
        try:
            fleet = Fleet(port, pid, workers)
            for count in counts:
                steps.append(fleet.hold(count, seconds))
                print(", ".join(f"{name} {_short(value)}" for name, value in steps[-1].items()), flush=True)
                if broke_on(steps[-1]) and not to_the_end:
                    break
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    held = [step for step in steps if not broke_on(step)]
    broken = next((step for step in steps if broke_on(step)), None)
    return {
        "machine": machine(),
        "server": version,
        "fleet_conversations_held": max((step["conversations"] for step in held), default=0),
        "fleet_broke_at": broken["conversations"] if broken else None,
        "fleet_broke_on": broke_on(broken) if broken else "nothing: more were not tried",
        **{f"fleet_{name}": value for name, value in (held[-1] if held else {}).items()},
        **{f"fleet_100000_{name}": value for name, value in (for_many(held[-1]) if held else {}).items()},
        "fleet_steps": steps,
    }


def for_many(step: dict[str, Any], conversations: int = 100_000) -> dict[str, float]:
    """What so many need at these rates, with no processor busier than `BUSY`: arithmetic, not a run."""
    each = conversations / step["conversations"] / 100 / BUSY
    return {
        "redis_cores": step["redis_core_percent"] * each,
        "host_cores": step["host_core_percent"] * HOSTS * each,
        "worker_cores": step["worker_core_percent"] * WORKERS * each,
        "commands_per_second": step["commands_per_second"] * conversations / step["conversations"],
        "redis_network_mb_per_second": step["redis_network_mb_per_second"] * conversations / step["conversations"],
    }


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="conversations (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=15.0, help="measured time per count (default: %(default)s)")
    parser.add_argument(
        "--to-the-end", action="store_true", help="go on with higher counts after the first that is too many"
    )
    for name in ("--host", "--worker", "--store"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        asyncio.run(working(arguments.store))
    elif arguments.host:
        told = hosting(arguments.store, int(arguments.host), arguments.seconds)
        print(json.dumps(asyncio.run(told)))
    else:
        figures = measure(arguments.counts, arguments.seconds, to_the_end=arguments.to_the_end)
        finish(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
