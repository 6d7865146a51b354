"""A delegation with everything in it, played by three processes over a real server: one worker is killed in the middle,
the other takes over, and the answer waits because the person is speaking.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio

from counterpoint.errors import UnknownConversation
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import Taken, ToolCalled
from counterpoint.shared_context.ids import ConversationId

FOLDER = Path(__file__).parent
CONVERSATION = ConversationId("the-trip-to-bath")
WORKERS = ("first", "second")
EXPORTED_SECONDS = 0.9
"""What a worker has ended before it is killed has left it by then."""


async def stage(store: str, endpoint: str) -> str:
    """The name of the worker that was killed; the one that took over, and the host, have ended and exported."""
    workers = {name: _worker(name, store, endpoint) for name in WORKERS}
    host = _python(FOLDER / "talking_host.py", store, CONVERSATION, endpoint)
    try:
        with anyio.fail_after(60):
            killed = await _busy(store)
            await anyio.sleep(EXPORTED_SECONDS)
            workers[killed].kill()
            await anyio.to_thread.run_sync(host.wait)
            for worker in workers.values():
                worker.send_signal(signal.SIGTERM)
                await anyio.to_thread.run_sync(worker.wait)
        assert host.returncode == 0
    finally:
        for process in (host, *workers.values()):
            process.kill()
            process.wait()
    return killed


async def _busy(url: str) -> str:
    """Which worker has the delegation in hand, and has called the tool."""
    async with connect(url) as store:
        while True:
            await anyio.sleep(0.05)
            try:
                entries = [stored.entry for stored in await store.read(CONVERSATION)]
            except UnknownConversation:
                continue
            taken = [entry.header.writer for entry in entries if isinstance(entry.body, Taken)]
            if taken and any(isinstance(entry.body, ToolCalled) for entry in entries):
                return taken[0]


def _worker(name: str, store: str, endpoint: str) -> subprocess.Popen[bytes]:
    tool = "slow_timetable:search_timetable"
    options = ("--store", store, "--tools", tool, "--name", name, "--otel", endpoint)
    return _python("-m", "counterpoint.cli.main", "worker", *options)


def _python(*arguments: str | Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER), os.environ.get("PYTHONPATH", "")])}
    return subprocess.Popen([sys.executable, *map(str, arguments)], env=environment)
