"""A clock of dates that can be set wrong from another process, as an operator or a time server does."""

import mmap
import struct
from pathlib import Path

from counterpoint.shared_context import dates

_OFFSET = struct.Struct("d")


class AdjustableClock:
    """Seconds since 1970, and `offset` seconds beside it. Whoever has the file has the same clock."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_OFFSET.pack(0.0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _OFFSET.size)

    def __call__(self) -> float:
        return dates.now() + _OFFSET.unpack(self._shared[:])[0]

    def set_wrong(self, seconds: float) -> None:
        self._shared[:] = _OFFSET.pack(seconds)
