"""A worker process: takes delegations from its store until it is told to stop, then drains."""

import logging
import signal
from pathlib import Path

import anyio
import msgspec

from chaos.clocks import AdjustableClock
from chaos.finding import TOOLS, Finding
from counterpoint.background.worker import Worker
from counterpoint.errors import StoreUnavailable
from counterpoint.shared_context.redis import RedisStore
from counterpoint.tools.toolbox import Toolbox

DRAIN_SECONDS = 1.0


class WorkerOptions(msgspec.Struct, frozen=True):
    store: str
    name: str
    clock: Path


def run_worker(options: WorkerOptions) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    anyio.run(_work, options)


async def _work(options: WorkerOptions) -> None:
    clock = AdjustableClock(options.clock)
    while True:
        store = RedisStore(options.store, clock=clock)
        try:
            await store.__aenter__()
            break
        except StoreUnavailable:
            await anyio.sleep(0.1)
    worker = Worker(store, Finding(), Toolbox(TOOLS), concurrency=6, name=options.name, clock=clock)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_until_told, worker)
        await worker.run()
        tasks.cancel_scope.cancel()
    await store.__aexit__(None, None, None)


async def _until_told(worker: Worker) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            await worker.drain(DRAIN_SECONDS)
            return
