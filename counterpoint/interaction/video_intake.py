"""Frames that wait for the next step: the newest of each interval of the model's frame rate, by arrival.

Frames are placed by arrival, not by their own clock: at a few frames a second a network's jitter doesn't show. What is
passed over for a newer frame is no fault. Knows nothing of pixels.
"""

from math import ceil, inf
from typing import Final

from counterpoint.interaction.media_clock import JUMP_SECONDS
from counterpoint.interaction.media_faults import FaultTally
from counterpoint.shared_context.chunks import VideoChunk

SILENT_SECONDS: Final = 2.0
"""Video is live until no frame has come for this long."""

BACKLOG_SECONDS: Final = 5.0
"""Frames that wait for a stalled stream; older ones become a recorded fault."""

BACKLOG_BYTES: Final = 64_000_000
"""The same in memory; one frame is always kept, however large."""

_ROUNDING = 1e-6


class VideoIntake:
    """`rate`: frames per second at most."""

    __slots__ = (
        "_anchor",
        "_last",
        "_limit",
        "_media_time",
        "_picked",
        "_pitch",
        "_seq",
        "_size",
        "_waiting",
        "faults",
        "live",
    )

    def __init__(self, rate: float) -> None:
        self.faults = FaultTally("video")
        self.live = False
        self._pitch = 1.0 / rate
        self._limit = max(ceil(rate * BACKLOG_SECONDS), 1)
        self._waiting: dict[int, VideoChunk] = {}
        self._size = 0
        self._anchor = 0.0
        self._picked = self._last = -inf
        self._seq: int | None = None
        self._media_time = 0.0

    def push(self, chunk: VideoChunk, now: float) -> None:
        """Take one checked frame, unless a newer one is there."""
        if self._seq is not None and chunk.seq <= self._seq and now - self._last <= SILENT_SECONDS:
            if abs(chunk.media_time - self._media_time) <= JUMP_SECONDS:
                return
            self.faults.add("clock")
        self._seq, self._media_time, self._last = chunk.seq, chunk.media_time, now
        self.live = True
        interval = ceil((now - self._anchor) / self._pitch - _ROUNDING)
        if (older := self._waiting.pop(interval, None)) is not None:
            self._size -= len(older.pixels)
        self._waiting[interval] = chunk
        self._size += len(chunk.pixels)
        while len(self._waiting) > 1 and (len(self._waiting) > self._limit or self._size > BACKLOG_BYTES):
            self._drop_oldest()

    def cut(self, end: float) -> tuple[VideoChunk, ...]:
        """The frames of the intervals that are over at `end`; a first frame doesn't wait for its interval's end."""
        if not self._waiting:
            self.live = self.live and end - self._last <= SILENT_SECONDS
            return ()
        over = (end - self._anchor) / self._pitch + _ROUNDING
        due = [interval for interval in self._waiting if interval <= over]
        if due:
            self._picked = self._anchor + due[-1] * self._pitch
        elif end >= self._picked + self._pitch - _ROUNDING and self._last <= end:
            due = list(self._waiting)
            self._picked = end
            self._anchor = end
        frames = tuple(self._waiting.pop(interval) for interval in due)
        self._size -= sum(len(frame.pixels) for frame in frames)
        return frames

    def _drop_oldest(self) -> None:
        oldest = self._waiting.pop(next(iter(self._waiting)))
        self._size -= len(oldest.pixels)
        self.faults.add("backlog", discarded=self._pitch)
