"""Who waits for something to change on the server. All of a process share one connection, and no task serves it:

one of those who wait reads for all, and whoever goes hands the reading to another. A ring says that there may be
something new, never what: who is rung looks. So a ring too many costs a look, and a lost connection rings everybody.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, cast

import anyio
from redis.asyncio import ConnectionPool
from redis.asyncio.connection import AbstractConnection

from counterpoint.errors import CounterpointError
from counterpoint.shared_context.redis.refusals import translated
from counterpoint.telemetry import unobserved

QUIET_SECONDS: Final = 5.0
"""After so much silence the server is asked whether it is there; after as much again the connection is given up."""


class Bell:
    """Hang it up, look, and only then wait: what comes in between rings it."""

    __slots__ = ("_stirred", "rung")

    def __init__(self) -> None:
        self.rung = False
        self._stirred: anyio.Event | None = None

    @property
    def waited_for(self) -> bool:
        return self._stirred is not None

    def ring(self) -> None:
        self.rung = True
        self.stir()

    def stir(self) -> None:
        """Somebody has to look at it again, or to read for all."""
        if self._stirred is not None:
            self._stirred.set()

    async def stirred(self) -> None:
        self._stirred = anyio.Event()
        try:
            await self._stirred.wait()
        finally:
            self._stirred = None


class Bells:
    """redis-py's own listener connects again by itself while it reads. If two do so at once, one socket is forgotten;
    here whoever connects, sends or gives up holds `_sending`, and reading is only reading.
    """

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._bells: dict[str, set[Bell]] = {}
        self._subscribed: set[str] = set()
        self._connection: AbstractConnection | None = None
        self._reading = False
        self._sending = anyio.Lock()

    @contextmanager
    def bell(self, *channels: str) -> Generator[Bell, None, None]:
        """A bell that is rung by all of these channels."""
        bell = Bell()
        for channel in channels:
            self._bells.setdefault(channel, set()).add(bell)
        try:
            yield bell
        finally:
            for channel in channels:
                self._bells[channel].discard(bell)
                if not self._bells[channel]:
                    del self._bells[channel]

    async def wait(self, bell: Bell) -> None:
        """Until it was rung since it was last waited for. Raises `StoreUnavailable`. Cancelling is free."""
        try:
            while not bell.rung:
                await self._subscribe()
                if self._reading:
                    await bell.stirred()
                else:
                    await self._read_for(bell)
            bell.rung = False
        finally:
            if not self._reading:
                self._hand_over()

    async def close(self) -> None:
        if (connection := self._connection) is not None:
            await self._lose(connection)

    async def _read_for(self, bell: Bell) -> None:
        self._reading = True
        try:
            asked = False
            while (connection := self._connection) is not None and not bell.rung:
                message = await self._next(connection)
                if message is not None:
                    self._dispatch(message)
                elif asked:
                    await self._lose(connection)
                else:
                    await self._ask_whether_it_is_there(connection)
                asked = message is None
        finally:
            self._reading = False

    async def _next(self, connection: AbstractConnection) -> list[Any] | None:
        """The next message, None after a silence. A lost connection is noticed here, and everybody told."""
        try:
            with translated(), unobserved():
                return cast(
                    "list[Any] | None",
                    await connection.read_response(timeout=QUIET_SECONDS, disconnect_on_error=False),
                )
        except CounterpointError:
            await self._lose(connection)
            return None

    async def _ask_whether_it_is_there(self, connection: AbstractConnection) -> None:
        async with self._sending:
            if connection is self._connection:
                try:
                    with translated():
                        await connection.send_command("PING")
                except CounterpointError:
                    await self._give_up(connection)

    def _dispatch(self, message: list[Any]) -> None:
        """What is confirmed rings too: what came before it was missed."""
        if message[0] in (b"message", b"subscribe"):
            for bell in self._bells.get(cast("bytes", message[1]).decode(), ()):
                bell.ring()

    def _hand_over(self) -> None:
        waiting = (bell for bells in self._bells.values() for bell in bells if bell.waited_for)
        if heir := next(waiting, None):
            heir.stir()

    async def _subscribe(self) -> None:
        """Subscribe to what is waited for, and leave what is not. A cancellation in the middle would cost the
        connection, so it waits: as long as a command takes at most.
        """
        if self._subscribed == self._bells.keys():
            return
        with anyio.CancelScope(shield=True):
            async with self._sending:
                wanted, left = self._bells.keys() - self._subscribed, self._subscribed - self._bells.keys()
                self._subscribed -= left  # at once: a bell that is hung up meanwhile finds that it has to subscribe
                connection = self._connection or self._pool.make_connection()
                try:
                    with translated():
                        await connection.connect()
                        self._connection = connection
                        for command, channels in (("SUBSCRIBE", wanted), ("UNSUBSCRIBE", left)):
                            if channels:
                                await connection.send_command(command, *channels)
                except CounterpointError:
                    await self._give_up(connection)
                    raise
                self._subscribed |= wanted

    async def _lose(self, connection: AbstractConnection) -> None:
        with anyio.CancelScope(shield=True):
            async with self._sending:
                await self._give_up(connection)

    async def _give_up(self, connection: AbstractConnection) -> None:
        """A connection goes, whatever state it is in. Whoever waits looks for himself, and connects again."""
        with anyio.CancelScope(shield=True), translated():
            await connection.disconnect(nowait=True)
        if connection is not self._connection:
            return
        self._connection = None
        self._subscribed = set()
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()
