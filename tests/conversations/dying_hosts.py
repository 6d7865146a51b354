"""Hosts that can be killed, a client that goes on with another one, and what the person heard of it all.

What was heard is counted by the client alone, from what it was given to play.
"""

from collections import deque
from collections.abc import AsyncGenerator
from typing import Any, Self

import anyio
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskGroup, TaskStatus

from counterpoint import MicroTurn, Runtime, Session
from counterpoint.interaction.listener import Listener
from counterpoint.interaction.model import InteractionModel
from counterpoint.shared_context.entries import Body, Stored
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.memory import MemoryStore

NAME = "ours"
_WRITES = {"append", "offer", "amend", "withdraw", "close", "snapshot", "trim"}


def date() -> float:
    """Dates that go with the virtual clock."""
    return 1_900_000_000.0 + anyio.current_time()


def shared_store() -> MemoryStore:
    return MemoryStore(clock=date)


class Lifeline:
    """A host's way to the store. Once it is cut nothing gets there, and nothing comes back."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.reads = True
        self.writes = True

    def cut(self) -> None:
        self.reads = self.writes = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def call(*args: object, **named: object) -> object:
            while not (self.writes if name in _WRITES else self.reads):
                await (anyio.sleep(0.05) if self.reads else anyio.sleep_forever())
            return await method(*args, **named)

        return call

    async def follow(self, *args: Any) -> AsyncGenerator[Stored, None]:
        async for stored in self._store.follow(*args):
            if not self.reads:
                await anyio.sleep_forever()
            yield stored


class Client:
    """Plays each micro-turn while the next one is being made, and tells how far it got. `heard`: word by word.

    `reports=False`: it tells its host nothing, and still knows for itself.
    """

    def __init__(self, *, reports: bool = True) -> None:
        self.heard: list[str] = []
        self.times: list[float] = []
        self.turns: list[MicroTurn] = []
        self._reports = reports
        self._session: Session | None = None
        self._listener: Listener | None = None
        self._to_play: deque[tuple[MicroTurn, int]] = deque()

    @property
    def token(self) -> str:
        assert self._listener is not None
        return self._listener.token.encode()

    @property
    def said(self) -> str:
        return " ".join(self.heard)

    def meets(self, session: Session) -> None:
        self._session = session
        self._to_play.clear()
        if self._listener is None:
            self._listener = Listener(session.conversation, session.id)
        else:
            self._listener.joined(session.id)

    def takes(self, turn: MicroTurn) -> None:
        assert self._listener is not None
        if turn.flush:
            self._throw_away()
        self.plays(1000)
        self._listener.given(turn)
        self.turns.append(turn)
        self.times.append(anyio.current_time())
        if turn.text:
            self._to_play.append((turn, 0))

    def _throw_away(self) -> None:
        """The agent was interrupted: tell how far each got."""
        for turn, played in self._to_play:
            self._tell(turn, played)
        self._to_play.clear()

    def _tell(self, turn: MicroTurn, words: int) -> None:
        assert self._listener is not None
        assert self._session is not None
        self._listener.played(turn, words=words)
        if self._reports:
            self._session.played(turn, words=words)

    def plays(self, words: int) -> None:
        """So many words more of what it was given."""
        while words > 0 and self._to_play:
            turn, played = self._to_play.popleft()
            spoken = turn.text.split()
            now = min(words, len(spoken) - played)
            self.heard += spoken[played : played + now]
            words, played = words - now, played + now
            self._tell(turn, played)
            if played < len(spoken):
                self._to_play.appendleft((turn, played))


class Host:
    """One process that hosts the conversation; `die` is `kill -9`."""

    def __init__(self, store: MemoryStore, model: InteractionModel, **options: Any) -> None:
        self.lifeline = Lifeline(store)
        self.model = model
        self.session: Session | None = None
        self.error: Exception | None = None
        self.connected = True
        self._options = options
        self._scope = anyio.CancelScope()

    async def live(
        self, client: Client, resume: str | None = None, *, task_status: TaskStatus[Session] = TASK_STATUS_IGNORED
    ) -> None:
        with self._scope:
            runtime = Runtime(self.model, store=self.lifeline, served=True, clock=date)
            async with runtime.session(NAME, resume=resume, **self._options) as session:
                self.session = session
                client.meets(session)
                task_status.started(session)
                try:
                    async for turn in session:
                        if self.connected:
                            client.takes(turn)
                except Exception as error:  # noqa: BLE001 (what its listener is told)
                    self.error = error

    def die(self) -> None:
        self.lifeline.cut()
        self._scope.cancel()

    def leave(self) -> None:
        self._scope.cancel()


async def until(at: float) -> None:
    """Seconds since the loop began."""
    await anyio.sleep_until(at)


async def moves(tasks: TaskGroup, client: Client, old: Host, new: Host, *, token: bool = True) -> Session:
    """The old host dies, and the client goes on with the new one."""
    resume = client.token if token else None
    old.die()
    return await tasks.start(new.live, client, resume)


async def log_of(store: MemoryStore) -> list[Stored]:
    return list(await store.read(ConversationId(NAME), limit=100_000))


async def bodies(store: MemoryStore, kind: type[Body]) -> list[Any]:
    return [stored.entry.body for stored in await log_of(store) if isinstance(stored.entry.body, kind)]
