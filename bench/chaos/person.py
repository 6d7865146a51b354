"""A person at one conversation: types, plays what comes in its time, says how far it got, and goes to another host when
this one is silent or gone. What no host has in its log is typed again.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from chaos.orders import Came, Joined, now
from chaos.wire import BROKEN, FromHost, HasPlayed, Hello, Says, Speech, Welcome, Wire
from chaos.words import answered_by, asks_in, quoted_by
from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.listener import Listener
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.shared_context.ids import Beat, ConversationId, SessionId

AGAIN_SECONDS = 0.05
"""Between two tries to reach a host."""

WELCOME_SECONDS = 3.0
"""A host may have to read a long conversation, or to wait for its store."""

SILENCE_SECONDS = 1.0
"""A host that sends nothing for so long (five micro-turns) is given up for another."""


class Record(Protocol):
    """Where it is written down."""

    def played(self, conversation: str, word: str) -> None: ...

    def joined(self, joined: Joined) -> None: ...

    def came(self, came: Came) -> None: ...


class _Turn:
    """A micro-turn to be played. `over`: a flush took the rest of it."""

    def __init__(self, speech: Speech, wire: Wire) -> None:
        self.speech = speech
        self.wire = wire
        self.words = speech.text.split()
        self.played = 0
        self.over = False
        self.as_given = MicroTurn(
            Beat(speech.beat), speech.part, speech.span, speech.text, flush=speech.flush, voiced=speech.voiced
        )


class Person:
    """One person at one conversation."""

    def __init__(
        self,
        conversation: str,
        hosts: tuple[str, ...],
        record: Record,
    ) -> None:
        self._conversation = conversation
        self._hosts = hosts
        self._record = record
        self._connection = 0
        self._host = ""
        self._wire: Wire | None = None
        self._typed: list[str] = []
        self._unanswered: dict[int, str] = {}
        self._queue: deque[_Turn] = deque()
        self._playing: _Turn | None = None
        self._bell = anyio.Event()
        self._listener: Listener | None = None
        self._scope = anyio.CancelScope()
        self._tasks: TaskGroup | None = None

    async def live(self) -> None:
        """Until they hang up."""
        with self._scope:
            async with anyio.create_task_group() as self._tasks:
                self._tasks.start_soon(self._play)
                self._tasks.start_soon(self._stay_connected, 0)

    def hang_up(self) -> None:
        self._scope.cancel()

    def _soon(self, what: Callable[..., Awaitable[None]], *arguments: object) -> None:
        if self._tasks is not None:
            self._tasks.start_soon(what, *arguments)

    def type(self, text: str) -> None:
        for ask in asks_in(text):
            self._unanswered[ask.number] = text
        if self._wire is None:
            self._typed.append(text)
        else:
            self._soon(self._send, self._wire, Says(text))

    def move_from(self, host: str) -> None:
        if self._host == host:
            self._wire = None
            self._soon(self._stay_connected, self._connection)

    async def _stay_connected(self, connection: int) -> None:
        """From one host to the next, for as long as no newer connection took over."""
        while connection == self._connection:
            connection = self._connection = self._connection + 1
            self._host = self._next_host()
            try:
                async with await anyio.connect_unix(self._host) as socket:
                    await self._converse(Wire(socket), connection)
            except BROKEN:
                pass
            except TimeoutError:
                pass  # it stands still, or its line is broken
            if connection == self._connection:
                self._wire = None
                await anyio.sleep(AGAIN_SECONDS)

    def _next_host(self) -> str:
        others = [host for host in self._hosts if host != self._host]
        return others[0] if others else self._hosts[0]

    async def _converse(self, wire: Wire, connection: int) -> None:
        """What was not played yet when the line was lost is not played any more: the next host offers it again."""
        self._drop_all()
        await wire.send(Hello(self._conversation, self._listener.token.encode() if self._listener else None))
        with anyio.fail_after(WELCOME_SECONDS):
            welcome = await wire.receive(Welcome)
        if connection != self._connection:
            return
        self._wire = wire
        self._join(SessionId(welcome.session))
        self._record.joined(Joined(self._conversation, self._host))
        await self._type_again(wire, welcome)
        while True:
            with anyio.fail_after(SILENCE_SECONDS if connection == self._connection else None):
                speech = await wire.receive(FromHost)
            if connection == self._connection and isinstance(speech, Speech):
                self._take(speech, wire, connection)

    def _join(self, session: SessionId) -> None:
        if self._listener is None:
            self._listener = Listener(ConversationId(self._conversation), session)
        else:
            self._listener.joined(session)

    async def _type_again(self, wire: Wire, welcome: Welcome) -> None:
        """In the order in which it was typed: what was sent and never arrived, then what waited for a line."""
        typed, self._typed = self._typed, []
        missing = list(dict.fromkeys(text for number, text in self._unanswered.items() if number not in welcome.known))
        waited = [text for text in typed if text in missing or not asks_in(text)]
        for text in (*(text for text in missing if text not in waited), *waited):
            await wire.send(Says(text))

    def _take(self, speech: Speech, wire: Wire, connection: int) -> None:
        self._record.came(Came(now(), self._conversation, connection, speech.beat, speech.span, speech.late))
        turn = _Turn(speech, wire)
        if self._listener is not None:
            self._listener.given(turn.as_given)
        if speech.flush:
            self._flush()
        if turn.words:
            self._queue.append(turn)
            self._bell.set()

    def _flush(self) -> None:
        """Throw away what was not played, and say how far it got."""
        flushed = ([self._playing] if self._playing else []) + list(self._queue)
        self._drop_all()
        for turn in flushed:
            self._soon(self._send, turn.wire, _report(turn))

    def _drop_all(self) -> None:
        if self._playing is not None:
            self._playing.over = True
        self._queue.clear()

    async def _play(self) -> None:
        free = now()
        while True:
            while not self._queue:
                self._bell = anyio.Event()
                await self._bell.wait()
            turn = self._playing = self._queue.popleft()
            free = await self._play_one(turn, max(free, now()))
            self._playing = None
            if not turn.over:
                await self._send(turn.wire, _report(turn))

    async def _play_one(self, turn: _Turn, begun: float) -> float:
        """When it ended."""
        each = BEAT_SECONDS * max(turn.speech.span, 1) / len(turn.words)
        for index, word in enumerate(turn.words):
            if turn.over:
                break
            turn.played += 1
            if self._listener is not None:
                self._listener.played(turn.as_given, words=turn.played)
            self._heard(word)
            await anyio.sleep(max(0.0, begun + (index + 1) * each - now()))
        return now() if turn.over else begun + len(turn.words) * each

    def _heard(self, word: str) -> None:
        for number in (answered_by(word), quoted_by(word)):
            if number is not None:
                self._unanswered.pop(number, None)
        self._record.played(self._conversation, word)

    async def _send(self, wire: Wire, message: Says | HasPlayed) -> None:
        """A line that is lost comes back by itself, and what was typed is then sent again."""
        with suppress(BROKEN):
            await wire.send(message)


def _report(turn: _Turn) -> HasPlayed:
    return HasPlayed(turn.speech.beat, turn.speech.part, turn.played)
