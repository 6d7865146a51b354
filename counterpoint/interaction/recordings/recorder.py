"""Writes frames to a file, in a thread of its own, so that no beat ever waits for a disk.

Handing a frame over takes some 12 microseconds: it is encoded in the thread. What is too much for the disk is left
out, and counted in the file.
"""

import logging
import os
import threading
from collections import deque
from pathlib import Path
from typing import BinaryIO, Final

import anyio

from counterpoint.errors import ConfigurationError
from counterpoint.interaction.recordings.frames import Ended, Frame, Missed, Stepped, encode_frame

MOST_BYTES: Final = 32 << 20
"""Of frames that wait for the disk: some minutes of sound, or seconds of pictures."""

FRAME_BYTES: Final = 1_000
"""What a frame without media is counted as."""

CLOSE_SECONDS: Final = 5.0
"""How long leaving a session waits for the disk; then the thread ends by itself."""

logger = logging.getLogger(__name__)


class FrameRecorder:
    """Open it with `start`; `put` from the event loop alone."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._waiting: deque[tuple[Frame, int]] = deque()
        self._size = 0
        self._missed = 0
        self._written = 0
        self._changed = threading.Condition()
        self._closing = False
        self._opened = threading.Event()
        self._error = ""
        self._thread = threading.Thread(target=self._run, name=f"recording {path.name}")

    async def start(self) -> None:
        """Raises `ConfigurationError` if the file cannot be made."""
        self._thread.start()
        while not self._opened.is_set():  # noqa: ASYNC110 (the thread knows no event loop, and virtual time no threads)
            await anyio.sleep(0.002)
        if self._error:
            raise ConfigurationError(f"cannot record to {self._path}: {self._error}")

    def put(self, frame: Frame) -> None:
        size = _size(frame)
        with self._changed:
            if self._error or self._size + size > self._most_bytes:
                self._missed += 1
                return
            if self._missed:
                self._waiting.append((Missed(self._missed), 0))
                self._missed = 0
            self._waiting.append((frame, size))
            self._size += size
            self._changed.notify()

    async def aclose(self) -> None:
        """Write what is left. A disk that does not answer is not waited for."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        with anyio.CancelScope(shield=True), anyio.move_on_after(CLOSE_SECONDS):
            while self._thread.is_alive():  # noqa: ASYNC110 (the same)
                await anyio.sleep(0.01)

    def _run(self) -> None:
        try:
            with _made(self._path) as file:
                self._opened.set()
                while self._write_some(file):
                    pass
        except Exception as error:  # noqa: BLE001 (whatever is wrong with the disk, the conversation goes on)
            self._fail(error)
        finally:
            self._opened.set()

    def _write_some(self, file: BinaryIO) -> bool:
        """Whether there may be more to come."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            some = list(self._waiting)
            self._waiting.clear()
            closing = self._closing
        for frame, size in some:
            file.write(encode_frame(frame))
            with self._changed:
                self._size -= size
        self._written += len(some)
        file.flush()
        if closing:
            self._end(file)
        return not closing

    def _end(self, file: BinaryIO) -> None:
        if self._missed:
            file.write(encode_frame(Missed(self._missed)))
            self._written += 1
        file.write(encode_frame(Ended(self._written)))

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self._error = f"{type(error).__name__}: {error}"
            self._waiting.clear()
        logger.warning("the recording %s is incomplete: %s", self._path.name, self._error)


def _made(path: Path) -> BinaryIO:
    """A new file that its owner alone can read: what people said is in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _size(frame: Frame) -> int:
    if not isinstance(frame, Stepped):
        return FRAME_BYTES
    pixels = sum(len(each.pixels) for each in frame.perceived.frames)
    return FRAME_BYTES + len(frame.perceived.audio) + len(frame.expressed.audio) + pixels
