"""A cell: one store with two hosts, two workers and a few conversations, all of them processes of their own, and a line
from each process to the store that can be broken. What ends is started again, as in a deployment.
"""

from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec
from anyio.abc import TaskGroup

from chaos.clocks import AdjustableClock
from chaos.host import HostOptions, run_host
from chaos.line import Line
from chaos.link import Link
from chaos.orders import HangUp, Move, Open
from chaos.processes import Child
from chaos.servers import StoreServer
from chaos.worker import WorkerOptions, run_worker
from counterpoint.shared_context import dates

HOSTS = 2
WORKERS = 2
CONVERSATIONS = 4
RESTART_SECONDS = 0.3
"""A process that ended is started again after so long."""


class Killed(msgspec.Struct, frozen=True):
    """A worker was killed `at` (seconds since 1970)."""

    worker: str
    at: float


class Member:
    """A host or a worker: its line, its clock, and the process that it is at the moment, called `name`."""

    def __init__(self, folder: Path, place: str, line: Line, start: Callable[["Member"], Child]) -> None:
        self.place = place
        self.line = line
        self.socket = folder / f"{place}.sock"
        self.said = folder / f"{place}.log"
        self.clock_file = folder / f"{place}.clock"
        self.clock = AdjustableClock(self.clock_file)
        self.starts = 0
        self._start = start
        self.child = self.start()

    @property
    def name(self) -> str:
        return f"{self.place}-{self.starts}"

    def start(self) -> Child:
        self.starts += 1
        self.child = self._start(self)
        return self.child


def _host(member: Member) -> Child:
    options = HostOptions(member.line.url, member.name, member.socket, member.clock_file)
    return Child(run_host, options, said=member.said)


def _worker(member: Member) -> Child:
    return Child(run_worker, WorkerOptions(member.line.url, member.name, member.clock_file), said=member.said)


class Cell:
    """Enter `running` in a task group. `killed`: the workers that a fault has killed."""

    def __init__(self, number: int, folder: Path, binary: Path, link: Link) -> None:
        folder.mkdir()
        self.number = number
        self.link = link
        self.folder = folder
        self.binary = binary
        self.servers = 0
        self.server = self.new_server(aof=True)
        self.hosts: list[Member] = []
        self.workers: list[Member] = []
        self.conversations: list[str] = []
        self.all_conversations: list[str] = []
        self.killed: list[Killed] = []

    def new_server(self, *, aof: bool) -> StoreServer:
        self.servers += 1
        return StoreServer(self.binary, self.folder / f"store{self.servers}", aof=aof)

    @property
    def members(self) -> list[Member]:
        return [*self.hosts, *self.workers]

    @property
    def lines(self) -> list[Line]:
        return [member.line for member in self.members]

    async def begin(self, tasks: TaskGroup) -> None:
        """Start everything and let the conversations begin."""
        await self.server.start()
        for index in range(HOSTS):
            self.hosts.append(await self._member(f"h{index}", _host, tasks))
        for index in range(WORKERS):
            self.workers.append(await self._member(f"w{index}", _worker, tasks))
        tasks.start_soon(self._keep_running)
        await self.begin_conversations()

    async def begin_conversations(self) -> None:
        """The persons hang up, and others call."""
        for conversation in self.conversations:
            await self.link.tell(HangUp(conversation))
        first = len(self.all_conversations)
        self.conversations = [f"c{self.number}-{first + index}" for index in range(CONVERSATIONS)]
        self.all_conversations += self.conversations
        for index, conversation in enumerate(self.conversations):
            hosts = [str(host.socket) for host in self.hosts]
            turned = hosts[index % HOSTS :] + hosts[: index % HOSTS]
            await self.link.tell(Open(conversation, tuple(turned)))

    @property
    def busiest_host(self) -> Member:
        """The one with most conversations."""
        homes = [self.link.hosts.get(conversation) for conversation in self.conversations]
        return max(self.hosts, key=lambda host: homes.count(str(host.socket)))

    def kill_worker(self, worker: Member) -> None:
        self.killed.append(Killed(worker.name, dates.now()))
        worker.child.kill()

    async def abandon(self, host: Member) -> None:
        """Whoever talks to this host talks to another one from now on, and this one is not told."""
        await self.link.tell(Move(str(host.socket)))

    def end(self) -> None:
        for member in self.members:
            member.child.go_on()
            member.child.kill()
        self.server.kill()

    async def _member(self, place: str, start: Callable[[Member], Child], tasks: TaskGroup) -> Member:
        line = Line(self.folder / f"{place}.store", lambda: self.server.socket)
        await tasks.start(line.run)
        return Member(self.folder, place, line, start)

    async def _keep_running(self) -> None:
        while True:
            await anyio.sleep(RESTART_SECONDS)
            for member in self.members:
                if not member.child.alive:
                    member.start()
