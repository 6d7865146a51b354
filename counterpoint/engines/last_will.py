"""Ends processes when whoever started this one has ended, also by `kill -9`. Run as a file: it imports nothing of ours.

Their ids come on the standard input, in one line; "kept" in another line says that there is nothing left to do.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

GRACE_SECONDS = 5.0


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for whoever is being watched
    processes = [int(number) for number in sys.stdin.readline().split()]
    if sys.stdin.readline().strip() == "kept":
        return
    family = {process: _started(process) for root in processes for process in (root, *_below(root))}
    _signal(family, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS  # noqa: TID251 (a process of its own, without an event loop)
    while any(_started(process) for process in family) and time.monotonic() < deadline:  # noqa: TID251
        time.sleep(0.1)
    _signal(family, signal.SIGKILL)


def _signal(family: dict[int, str], what: signal.Signals) -> None:
    for process, started in family.items():
        if started and _started(process) == started:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, what)


def _started(process: int) -> str:
    """When a process began (the 22nd field of its `stat`), so that nobody else gets its signal; "" if it is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _below(process: int) -> list[int]:
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [each for child in map(int, children) for each in (child, *_below(child))]


if __name__ == "__main__":
    main()
