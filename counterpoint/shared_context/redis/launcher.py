"""Starts a server that ends when whoever started it ends, also by `kill -9`. Run as a file: it imports nothing of ours.

    python launcher.py PARENT_PID LOCK COMMAND...

Two servers on one folder would destroy its data: the lock is held for as long as the server lives. Exit status 75: the
folder is in use.
"""

import ctypes
import fcntl
import os
import signal
import sys

IN_USE = 75
_PR_SET_PDEATHSIG = 1


def main(parent: int, lock: str, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)
    held = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(IN_USE)
    os.set_inheritable(held, True)
    os.execv(command[0], command)  # noqa: S606 (this is what a launcher is for)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
