"""Who waits for something to change on the server. All of a process share one connection, and no task serves it:

one of those who wait reads for all, and whoever goes hands the reading to another. A ring says that there may be
something new, never what: who is rung looks. So a ring too many costs a look, and a lost connection rings everybody.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, cast

import anyio
from redis.asyncio import ConnectionPool
from redis.asyncio.client import PubSub

from counterpoint.errors import CounterpointError
from counterpoint.shared_context.redis.refusals import ConnectionLost, translated
from counterpoint.telemetry import unobserved

QUIET_SECONDS: Final = 5.0
"""After so much silence the server is asked whether it is there; after as much again the connection is given up."""


@contextmanager
def _translated() -> Generator[None, None, None]:
    """Where another task gives the connection up meanwhile, redis-py stumbles over what it has taken from itself."""
    try:
        with translated():
            yield
    except AttributeError as error:
        raise ConnectionLost("the connection to the Redis server is gone: it was given up meanwhile") from error


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
    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._bells: dict[str, set[Bell]] = {}
        self._subscribed: set[str] = set()
        self._pubsub: PubSub | None = None
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
        if self._pubsub is not None:
            await self._lose(self._pubsub)

    async def _read_for(self, bell: Bell) -> None:
        self._reading = True
        try:
            asked = False
            while (pubsub := self._pubsub) is not None and not bell.rung:
                message = await self._next(pubsub)
                if message is not None:
                    self._dispatch(message)
                elif asked:
                    await self._lose(pubsub)
                else:
                    await self._ask_whether_it_is_there(pubsub)
                asked = message is None
        finally:
            self._reading = False

    async def _next(self, pubsub: PubSub) -> dict[str, Any] | None:
        """The next message, None after a silence. A lost connection is noticed here, and everybody told."""
        try:
            with _translated(), unobserved():
                return cast("dict[str, Any] | None", await pubsub.get_message(timeout=QUIET_SECONDS))
        except CounterpointError:
            await self._lose(pubsub)
            return None

    async def _ask_whether_it_is_there(self, pubsub: PubSub) -> None:
        if pubsub is self._pubsub:
            try:
                with _translated():
                    await pubsub.ping()  # pyright: ignore[reportUnknownMemberType] (redis-py leaves it open)
            except CounterpointError:
                await self._lose(pubsub)

    def _dispatch(self, message: dict[str, Any]) -> None:
        """What is confirmed rings too: what came before it was missed."""
        if message["type"] in ("message", "subscribe"):
            for bell in self._bells.get(cast("bytes", message["channel"]).decode(), ()):
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
                pubsub = self._pubsub = self._pubsub or PubSub(self._pool)
                try:
                    with _translated():
                        if wanted:
                            await pubsub.subscribe(*wanted)
                        if left:
                            await pubsub.unsubscribe(*left)  # pyright: ignore[reportUnknownMemberType] (the same)
                except CounterpointError:
                    await self._lose(pubsub)
                    raise
                if pubsub is self._pubsub:
                    self._subscribed |= wanted

    async def _lose(self, pubsub: PubSub) -> None:
        """A connection goes, whatever state it is in. Whoever waits looks for himself, and connects again."""
        with anyio.CancelScope(shield=True), _translated():
            await pubsub.aclose()
        if pubsub is not self._pubsub:
            return
        self._pubsub = None
        self._subscribed = set()
        for bells in self._bells.values():
            for bell in bells:
                bell.ring()
