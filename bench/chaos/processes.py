"""Hosts, workers and the listener as processes of their own. They are forked from one that has imported everything, so
that a start costs milliseconds; whatever happens to the bench, they end with it.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import anyio

_PR_SET_PDEATHSIG = 1
_CONTEXT = multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Before the first process: where this package is found, and what is imported once for all."""
    above = str(Path(__file__).parent.parent)
    if above not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (above, os.environ.get("PYTHONPATH"))))
    _CONTEXT.set_forkserver_preload(["chaos.host", "chaos.worker", "chaos.listener"])


class Child:
    """A process that runs `target(*arguments)`; what it prints goes to a file."""

    def __init__(self, target: Callable[..., None], *arguments: Any, said: Path) -> None:
        self._process: ForkServerProcess = _CONTEXT.Process(target=_run, args=(said, target, arguments), daemon=True)
        self._process.start()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        """It stands still, and does not notice."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        self._process.terminate()

    async def ended(self) -> None:
        while self._process.is_alive():
            await anyio.sleep(0.01)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.pid is not None and self._process.is_alive():
            os.kill(self._process.pid, number)


def _run(said: Path, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Ctrl-C in the terminal is for the bench, which ends its processes in order."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with said.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    target(*arguments)
