"""The listener: a process with a person at every conversation, who talk to hosts as clients do. What they were given to
play is the truth; it is written down as it is played, and nothing else is read.
"""

import json
from collections import deque
from collections.abc import Callable
from pathlib import Path

import anyio
import msgspec
from anyio.abc import SocketStream, TaskGroup

from chaos.orders import Came, HangUp, Joined, Move, Open, Played, Tells, Told, Type, now
from chaos.person import Person
from chaos.wire import BROKEN, Wire


class ListenerOptions(msgspec.Struct, frozen=True):
    """`socket`: where the bench tells it what to do. Transcript and arrivals are files of its own."""

    socket: Path
    transcript: Path
    arrivals: Path


def run_listener(options: ListenerOptions) -> None:
    anyio.run(_listen, options)


async def _listen(options: ListenerOptions) -> None:
    with options.transcript.open("a", buffering=1) as transcript, options.arrivals.open("a") as arrivals:
        async with await anyio.create_unix_listener(options.socket) as listener:
            socket = await listener.accept()
        async with socket, anyio.create_task_group() as tasks:
            await _Listener(socket, tasks, transcript.write, arrivals.write).obey()
            tasks.cancel_scope.cancel()


class _Listener:
    def __init__(
        self, socket: SocketStream, tasks: TaskGroup, transcript: Callable[[str], int], arrivals: Callable[[str], int]
    ) -> None:
        self._socket = socket
        self._wire = Wire(socket)
        self._tasks = tasks
        self._transcript = transcript
        self._arrivals = arrivals
        self._persons: dict[str, Person] = {}
        self._told: deque[Tells] = deque()
        self._bell = anyio.Event()

    async def obey(self) -> None:
        """Until the bench hangs up."""
        self._tasks.start_soon(self._tell)
        try:
            while True:
                match await self._wire.receive(Told):
                    case Open(conversation, hosts):
                        person = self._persons[conversation] = Person(conversation, hosts, self)
                        self._tasks.start_soon(person.live)
                    case Type(conversation, text):
                        self._persons[conversation].type(text)
                    case Move(host):
                        for person in self._persons.values():
                            person.move_from(host)
                    case HangUp(conversation):
                        self._persons.pop(conversation).hang_up()
        except BROKEN:
            pass

    def played(self, conversation: str, word: str) -> None:
        played = Played(now(), conversation, word)
        self._transcript(json.dumps([played.at, conversation, word]) + "\n")
        self._told.append(played)
        self._bell.set()

    def joined(self, joined: Joined) -> None:
        self._told.append(joined)
        self._bell.set()

    def came(self, came: Came) -> None:
        self._arrivals(
            json.dumps([came.at, came.conversation, came.connection, came.beat, came.span, came.late]) + "\n"
        )

    async def _tell(self) -> None:
        """The bench wants to know when something has been answered; the truth is in the files."""
        while True:
            await self._bell.wait()
            self._bell = anyio.Event()
            while self._told:
                await self._wire.send(self._told.popleft())
