"""`counterpoint worker`: works on delegations until it is told to stop (SIGTERM, SIGINT), then drains and ends.

A store that does not answer is waited for, at the start as later: workers and servers are started in any order. What
people said never enters its log lines.
"""

import logging
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from math import isfinite
from typing import Final

import anyio
import anyio.to_thread
import msgspec
from anyio.abc import TaskGroup

from counterpoint.background.engines.load import load_background
from counterpoint.background.worker import Worker
from counterpoint.cli.health import Address, serve_health
from counterpoint.cli.models import check, connected
from counterpoint.cli.options import reachable, toolbox_of
from counterpoint.errors import (
    ConfigurationError,
    EngineError,
    StoreError,
    StoreUnavailable,
    UnknownConversation,
    lone_errors,
)
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.store import ContextStore

AGAIN_SECONDS: Final = 1.0
"""Between two tries to open a store that does not answer."""

SAY_AGAIN_TRIES: Final = 10
"""It is said at the first try, and then every so many."""

PROBE_SECONDS: Final = 0.8
"""How long the store may take to show that it answers; probes commonly give up after a second."""

_PROBE: Final = ConversationId("counterpoint-readiness")

logger = logging.getLogger(__name__)


class WorkerOptions(msgspec.Struct, frozen=True):
    """As on the command line. `drain`: seconds."""

    store: str
    background: str | None = "retrieval"
    tools: tuple[str, ...] = ()
    docs: str | None = None
    concurrency: int = 4
    queues: tuple[str, ...] = ("default",)
    name: str | None = None
    drain: float = 10.0
    health: str | None = None


async def work(options: WorkerOptions) -> None:
    """Until told to stop, and drained. Told again while it drains, it gives back at once what it has."""
    if options.background is None:
        raise ConfigurationError("a worker needs a background model: --background none leaves it nothing to work with")
    if not (isfinite(options.drain) and options.drain >= 0):
        raise ConfigurationError(f"--drain is a number of seconds, not {options.drain}")
    _log_to_stderr()
    await _Service(options, options.background).run()


class _Service:
    def __init__(self, options: WorkerOptions, background: str) -> None:
        self._options = options
        self._background = background
        self._url = reachable(options.store)
        self._toolbox = toolbox_of(options.tools, options.docs)
        self._health = Address.parse(options.health) if options.health else None
        self._store: ContextStore | None = None
        self._worker: Worker | None = None
        self._starting = anyio.CancelScope()
        self._stopping = False

    async def run(self) -> None:
        with lone_errors(), anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._obey, signals, tasks)
                if self._health is not None:
                    await tasks.start(serve_health, self._health, self.unready)
                with self._starting:
                    await self._serve()
                tasks.cancel_scope.cancel()
        logger.info("ended")

    async def unready(self) -> str:
        """Why no delegation would be taken now; an empty text if one would be."""
        if self._stopping:
            return "draining"
        if self._store is None or self._worker is None:
            return "starting, or waiting for the store"
        try:
            with anyio.fail_after(PROBE_SECONDS):
                await self._store.read(_PROBE, limit=1)
        except UnknownConversation:
            return ""
        except (StoreError, ConfigurationError, TimeoutError):
            return "the store does not answer"
        return ""

    async def _serve(self) -> None:
        options = self._options
        model = await anyio.to_thread.run_sync(load_background, self._background)
        try:
            await check(model)
        except EngineError as error:
            logger.warning("%s; until it answers, delegations fail", error)
        async with connected(model), _opened(self._url) as self._store:
            worker = Worker(
                self._store,
                model,
                self._toolbox,
                concurrency=options.concurrency,
                queues=options.queues,
                name=options.name,
            )
            self._worker = worker
            tools = ", ".join(tool.name for tool in self._toolbox) or "none"
            logger.info(
                "%s works with %s (tools: %s) on %d delegations at once, from: %s",
                worker.name, model.name, tools, options.concurrency, ", ".join(options.queues),
            )  # fmt: skip
            await worker.run()

    async def _obey(self, signals: AsyncIterable[signal.Signals], tasks: TaskGroup) -> None:
        async for number in signals:
            seconds = 0.0 if self._stopping else self._options.drain
            self._stopping = True
            if self._worker is None:
                logger.info("%s while starting", number.name)
                self._starting.cancel()
            else:
                logger.info("%s: %d delegations have %g s to end", number.name, self._worker.busy, seconds)
                tasks.start_soon(self._worker.drain, seconds)


@asynccontextmanager
async def _opened(url: str) -> AsyncGenerator[ContextStore, None]:
    """The store, once it answers. A server that never will (too old, a wrong password) is an error at once."""
    store, tries = connect(url), 0
    while True:
        try:
            await store.__aenter__()
            break
        except StoreUnavailable as error:
            if tries % SAY_AGAIN_TRIES == 0:
                logger.warning("waiting for the store: %s", error)
        tries += 1
        await anyio.sleep(AGAIN_SECONDS)
        store = connect(url)
    try:
        yield store
    finally:
        with anyio.CancelScope(shield=True):
            await store.__aexit__(None, None, None)


def _log_to_stderr() -> None:
    """Everything of ours from INFO on, warnings of others."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("counterpoint").setLevel(logging.INFO)
