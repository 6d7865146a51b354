"""A host process: conversations on one side, clients on a socket on the other. What an application would write."""

import logging
import signal
from pathlib import Path

import anyio
import msgspec
from anyio.abc import SocketStream, TaskGroup

from chaos.clocks import AdjustableClock
from chaos.speaking import Speaking
from chaos.wire import BROKEN, FromClient, HasPlayed, Hello, Says, Speech, Welcome, Wire
from chaos.words import asks_in
from counterpoint import MicroTurn, Runtime, Session
from counterpoint.errors import CounterpointError, StoreUnavailable
from counterpoint.shared_context.entries import Turn
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.redis import RedisStore

logger = logging.getLogger(__name__)


class HostOptions(msgspec.Struct, frozen=True):
    store: str
    name: str
    socket: Path
    clock: Path


def run_host(options: HostOptions) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    anyio.run(_serve, options)


async def _serve(options: HostOptions) -> None:
    clock = AdjustableClock(options.clock)
    runtime = await _opened(options, clock)
    options.socket.unlink(missing_ok=True)
    host = _Host(runtime)
    async with await anyio.create_unix_listener(options.socket) as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(_until_told, tasks)
        await listener.serve(host.talk)
    await runtime.__aexit__(None, None, None)


async def _opened(options: HostOptions, clock: AdjustableClock) -> Runtime:
    """Once the store answers."""
    while True:
        runtime = Runtime(Speaking(), served=True, store=RedisStore(options.store, clock=clock), clock=clock)
        try:
            return await runtime.__aenter__()
        except StoreUnavailable:
            await anyio.sleep(0.1)


async def _until_told(tasks: TaskGroup) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            tasks.cancel_scope.cancel()
            return


class _Host:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def talk(self, socket: SocketStream) -> None:
        """One client, until it or the session goes."""
        async with socket:
            try:
                await self._converse(Wire(socket))
            except BROKEN:
                pass
            except CounterpointError as error:
                logger.warning("%s: %s", type(error).__name__, error)
            except Exception:
                logger.exception("unexpected")

    async def _converse(self, wire: Wire) -> None:
        hello = await wire.receive(Hello)
        async with self._runtime.session(hello.conversation, resume=hello.resume) as session:
            await wire.send(Welcome(session.id, await self._known(session)))
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_hear, wire, session, tasks.cancel_scope)
                try:
                    async for turn in session:
                        await wire.send(_speech(turn))
                finally:
                    tasks.cancel_scope.cancel()

    async def _known(self, session: Session) -> tuple[int, ...]:
        log = await self._runtime.store.read(session.conversation, limit=100_000)
        turns = (stored.entry.body for stored in log if isinstance(stored.entry.body, Turn))
        return tuple(ask.number for turn in turns for chunk in turn.texts for ask in asks_in(chunk.text))


async def _hear(wire: Wire, session: Session, scope: anyio.CancelScope) -> None:
    try:
        while True:
            match await wire.receive(FromClient):
                case Says(text):
                    session.push(text)
                case HasPlayed(beat, part, words):
                    session.played(MicroTurn(Beat(beat), part), words=words)
                case Hello():
                    pass
    except (*BROKEN, CounterpointError):
        scope.cancel()


def _speech(turn: MicroTurn) -> Speech:
    return Speech(turn.beat, turn.part, turn.span, turn.text, turn.flush, turn.late, turn.voiced)
