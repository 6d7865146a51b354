"""The worker: takes delegations from the store and has each worked on by a reasoner. It knows no model and no tool.

It takes only what it can begin at once; one slot beyond the others is kept for urgent work. Reasoners are sheltered
from cancellation: they are asked to stop, and end what they have begun to change.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import anyio
from anyio.abc import TaskGroup, TaskStatus

from counterpoint.background.attempt import Attempt
from counterpoint.background.limits import Limits
from counterpoint.background.model import BackgroundModel
from counterpoint.background.reasoner import Reasoner
from counterpoint.background.retrying import pause
from counterpoint.config import LEASE_SECONDS
from counterpoint.errors import ConfigurationError, StoreError, StoreFull, StoreUnavailable, lone_errors
from counterpoint.shared_context import dates
from counterpoint.shared_context.delegations import Priority
from counterpoint.shared_context.entries import VERSION
from counterpoint.shared_context.ids import ConversationId, WriterId
from counterpoint.shared_context.memory.wakeup import WakeUp
from counterpoint.shared_context.store import ContextStore, Lease
from counterpoint.tools.call import Calls
from counterpoint.tools.toolbox import Toolbox

URGENT_SLOTS: Final = 1
"""Slots beyond `concurrency` that only urgent delegations take: a HIGH one never waits for NORMAL ones to end."""

LEASE_WAIT_SECONDS: Final = 60.0
"""How long the store is asked to wait for work before it is asked again."""

OVERDUE_PAUSE_SECONDS: Final = 0.05

DRAIN_SECONDS: Final = 10.0
"""How long leaving a worker's block lets it finish what it has begun."""

logger = logging.getLogger(__name__)

Lifespan = Callable[[], AbstractAsyncContextManager[Any]]


class Worker:
    """The store must be open. Use it as `async with Worker(...)`, which drains at the end, or start `run` in a task
    group, and `drain` it.

    `concurrency`: delegations worked on at once. `queues`: those it takes work from. `lifespan`: makes an async context
    manager around the worker's life; what it yields is the tools' `ToolContext.state`. `state`: instead, a function
    from a conversation to the state of its tools. `limits`: for each delegation. `name`: in the log, unique among
    workers. `clock`: dates, in seconds since 1970.
    """

    def __init__(
        self,
        store: ContextStore,
        model: BackgroundModel,
        toolbox: Toolbox,
        *,
        concurrency: int = 4,
        queues: Sequence[str] = ("default",),
        lifespan: Lifespan | None = None,
        state: Callable[[ConversationId], Any] | None = None,
        limits: Limits | None = None,
        name: str | None = None,
        clock: Callable[[], float] = dates.now,
    ) -> None:
        if concurrency < 1 or not queues or isinstance(queues, str):
            raise ConfigurationError(f"a worker needs queues and room for one delegation: {queues!r}, {concurrency}")
        if lifespan is not None and state is not None:
            raise ConfigurationError("a worker's state comes from `lifespan` or from `state`, not from both")
        self.name = WriterId(name or f"worker-{uuid4().hex[:8]}")
        self._store = store
        self._model = model
        self._toolbox = toolbox
        self._queues = tuple(queues)
        self._lifespan = lifespan
        self._state = state
        self._limits = limits or Limits()
        self._clock = clock
        self._slots = anyio.Semaphore(concurrency)
        self._urgent_slots = anyio.Semaphore(URGENT_SLOTS)
        self._calls = Calls()
        self._working: dict[Reasoner, Lease] = {}
        self._changed = WakeUp()
        self._full = False
        self._taking: anyio.CancelScope | None = None
        self._draining = False
        self._closing = anyio.Event()
        self._closed = anyio.Event()
        self._running = False
        self._own: TaskGroup | None = None

    @property
    def busy(self) -> int:
        """Delegations that are being worked on."""
        return len(self._working)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Work until drained. Cancelled, it gives back what it has, once writes in flight have ended."""
        if self._running:
            raise ConfigurationError(f"worker {self.name!r} runs already, or has run: make another")
        self._running = True
        try:
            with lone_errors():
                async with self._states() as state_of, anyio.create_task_group() as tasks:
                    jobs = await tasks.start(self._shelter)
                    try:
                        await self._take_all(jobs, state_of, task_status)
                        await self._closing.wait()
                    finally:
                        self._closing.set()
        finally:
            self._closed.set()

    async def drain(self, seconds: float) -> None:
        """Take nothing new, finish within so many seconds what was begun, and give back the rest."""
        self._draining = True
        if self._taking is not None:
            self._taking.cancel()
        with anyio.move_on_after(seconds):
            while self._working:
                await self._changed.wait()
        self._closing.set()
        if self._running:
            await self._closed.wait()

    async def __aenter__(self) -> Self:
        self._own = anyio.create_task_group()
        await self._own.__aenter__()
        try:
            await self._own.start(self.run)
        except BaseException as error:
            with lone_errors():
                await self._own.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if self._own is None:
            return None
        if error is None:
            await self.drain(DRAIN_SECONDS)
        with lone_errors():
            return await self._own.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def _states(self) -> AsyncGenerator[Callable[[ConversationId], Any], None]:
        if self._lifespan is None:
            yield self._state or (lambda _: None)
            return
        async with self._lifespan() as state:
            yield lambda _: state

    async def _shelter(self, *, task_status: TaskStatus[TaskGroup]) -> None:
        """Where reasoners run. Open until the worker closes and the last of them has ended."""
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as jobs:
                task_status.started(jobs)
                await self._closing.wait()
                for reasoner in self._working:
                    reasoner.stop()

    async def _take_all(
        self, jobs: TaskGroup, state_of: Callable[[ConversationId], Any], task_status: TaskStatus[None]
    ) -> None:
        with anyio.CancelScope() as self._taking:
            if self._draining:
                self._taking.cancel()
            async with anyio.create_task_group() as takers:
                takers.start_soon(self._take, jobs, state_of)
                takers.start_soon(self._take_urgent, jobs, state_of)
                task_status.started()

    async def _take(self, jobs: TaskGroup, state_of: Callable[[ConversationId], Any]) -> None:
        while True:
            self._full = self._slots.value == 0
            self._changed.wake()
            await self._slots.acquire()
            self._full = False
            lease = await self._lease(Priority.LOW)
            jobs.start_soon(self._work_on, lease, state_of, self._slots)

    async def _take_urgent(self, jobs: TaskGroup, state_of: Callable[[ConversationId], Any]) -> None:
        """Only while the other slots are taken: until then whoever fills those takes what is urgent first."""
        while True:
            await self._urgent_slots.acquire()
            while not self._full:
                await self._changed.wait()
            lease = await self._lease(Priority.HIGH)
            jobs.start_soon(self._work_on, lease, state_of, self._urgent_slots)

    async def _lease(self, at_least: Priority) -> Lease:
        tries = 0
        while True:
            await self._all_renewed()
            try:
                lease = await self._store.lease(
                    self._queues, self.name, seconds=LEASE_SECONDS, wait=LEASE_WAIT_SECONDS, at_least=at_least
                )
            except (StoreUnavailable, StoreFull):
                tries += 1
                if tries == 1:
                    logger.warning("%s: the store does not answer; asking again until it does", self.name)
                await anyio.sleep(pause(tries))
            else:
                if tries:
                    logger.warning("%s: the store answers again", self.name)
                tries = 0
                if lease is not None:
                    return lease

    async def _all_renewed(self) -> None:
        """After an outage the leases held come first, or this worker would take its own work away from itself."""
        while any(reasoner.overdue for reasoner in self._working):  # noqa: ASYNC110 (it falls due by time alone)
            await anyio.sleep(OVERDUE_PAUSE_SECONDS)

    async def _work_on(self, lease: Lease, state_of: Callable[[ConversationId], Any], slots: anyio.Semaphore) -> None:
        try:
            if lease.delegation.version > VERSION:
                await self._decline(lease)
            else:
                await self._reason(lease, state_of)
        except Exception:
            logger.exception("delegation %s was lost inside worker %s", lease.delegation.id, self.name)
        finally:
            slots.release()
            self._changed.wake()

    async def _reason(self, lease: Lease, state_of: Callable[[ConversationId], Any]) -> None:
        for reasoner, held in self._working.items():
            if (held.fence.conversation, held.fence.delegation) == (lease.fence.conversation, lease.fence.delegation):
                reasoner.lose()
        attempt = Attempt(self._store, lease, self._limits, self._clock)
        state = state_of(lease.delegation.conversation)
        reasoner = Reasoner(attempt, self._model, self._toolbox, self._calls, state=state)
        self._working[reasoner] = lease
        known = (self.name, lease.delegation.id, lease.delegation.conversation)
        logger.info("%s: delegation %r of %r taken, attempt %d", *known, lease.attempt)
        begun = anyio.current_time()
        if self._closing.is_set():
            reasoner.stop()
        try:
            await reasoner.run()
        finally:
            del self._working[reasoner]
            attempt.trace.end(reasoner.outcome)
            seconds = anyio.current_time() - begun
            logger.info("%s: delegation %r of %r %s after %.2f s", *known, reasoner.outcome, seconds)

    async def _decline(self, lease: Lease) -> None:
        """Work for a newer version of this code. It is kept for a moment, so that another worker may get it."""
        logger.warning("delegation %s needs version %d", lease.delegation.id, lease.delegation.version)
        await anyio.sleep(lease.seconds / 2)
        try:
            await self._store.release(lease)
        except StoreError:
            logger.info("delegation %s could not be given back", lease.delegation.id)
