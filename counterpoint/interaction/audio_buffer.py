"""Audio that waits to be cut, by its place on the session's time line: positions count samples from its start.

`head` is where the next cut begins, `write` where the next piece in order belongs; after an underrun `write` lies
before `head`. A hole is silence in place of a piece that may still come. Knows nothing of clocks and of `seq`.
"""

from typing import Final

import msgspec

from counterpoint.config import AUDIO_BACKLOG_SECONDS
from counterpoint.interaction.media_faults import FaultTally

_SHED_SECONDS: Final = 1.0


class Hole(msgspec.Struct, frozen=True):
    """`size` samples at `start` that a piece from `media_time` on would fill."""

    start: int
    size: int
    media_time: float


class AudioBuffer:
    __slots__ = ("_data", "_faults", "_holes", "_limit", "_rate", "head", "write")

    def __init__(self, rate: int, faults: FaultTally) -> None:
        self._rate = rate
        self._faults = faults
        self._limit = int(2 * rate * AUDIO_BACKLOG_SECONDS)
        self._data = bytearray()
        self._holes: list[Hole] = []
        self.head = self.write = 0

    def begin(self, position: int) -> None:
        """Start afresh; nothing may be waiting."""
        self._data.clear()
        self._holes.clear()
        self.head = self.write = position

    def append(self, samples: bytes) -> None:
        """Put samples at `write`, which must not lie before `head`."""
        self._data += samples
        self.write += len(samples) >> 1
        if len(self._data) > self._limit:
            self._shed()

    def skip_to(self, position: int) -> None:
        """Silence from `write` to `position`, as far as that has not been cut already."""
        missing = position - max(self.write, self.head)
        if 2 * missing > self._limit:
            self._lose(self.waiting, "backlog")
            self.head = position
        elif missing > 0:
            self._data += bytes(2 * missing)
        self.write = position

    def open_hole(self, size: int, media_time: float) -> None:
        """Silence for a piece that is missing; what of it was cut already counts as lost now."""
        gone = min(max(self.head - self.write, 0), size)
        if gone < size:
            self._holes.append(Hole(self.write + gone, size - gone, media_time + gone / self._rate))
        if gone:
            self._faults.add("lost", concealed=gone / self._rate)
        self.skip_to(self.write + size)

    def fill(self, samples: bytes, media_time: float) -> int:
        """Put a late piece into the hole that it left. Returns how many of its samples still had a place."""
        near = self._rate // 500
        for index, hole in enumerate(self._holes):
            offset = round((media_time - hole.media_time) * self._rate)
            offset = 0 if abs(offset) < near else offset
            begin, end = max(offset, 0), min(offset + (len(samples) >> 1), hole.size)
            if end - begin >= min(near, hole.size):
                self._write_over(hole.start + begin, samples[2 * (begin - offset) : 2 * (end - offset)])
                self._holes[index : index + 1] = self._rests(hole, begin, end, near)
                return end - begin
        return 0

    def drop(self, position: int, count: int) -> None:
        """Throw away `count` waiting samples from `position` on; what follows moves up."""
        index = 2 * (position - self.head)
        del self._data[index : index + 2 * count]
        self.write -= count
        moved: list[Hole] = []
        for hole in self._holes:
            inside = max(min(hole.start + hole.size, position + count) - max(hole.start, position), 0)
            if inside == hole.size:
                continue
            start = hole.start if hole.start < position else max(hole.start - count, position)
            skipped = inside if hole.start >= position else 0
            moved.append(Hole(start, hole.size - inside, hole.media_time + skipped / self._rate))
        self._holes = moved

    def cut(self, start: int, stop: int) -> bytes:
        """Take exactly the samples from `start` to `stop`, silence where there are none."""
        data, size = self._data, 2 * (stop - start)
        if start != self.head or len(data) < size:
            return self._cut_uneven(start, stop)
        audio = bytes(data[:size])
        del data[:size]
        self.head = stop
        if self._holes:
            self._close_holes(stop)
        return audio

    @property
    def waiting(self) -> int:
        """Samples."""
        return len(self._data) >> 1

    def _cut_uneven(self, start: int, stop: int) -> bytes:
        if start > self.head:
            self._lose(start - self.head, "gap")
            self.head = start
        before = bytes(2 * (min(self.head, stop) - start))
        size = 2 * (stop - start) - len(before)
        audio = before + bytes(self._data[:size])
        del self._data[:size]
        self.head = max(self.head, stop)
        self._close_holes(self.head)
        return audio + bytes(2 * (stop - start) - len(audio))

    def _shed(self) -> None:
        """The stream has stalled: the oldest gives way, a second more than need be so that this stays rare."""
        self._lose(self.waiting - (self._limit >> 1) + int(_SHED_SECONDS * self._rate), "backlog")

    def _lose(self, count: int, reason: str) -> None:
        """Discard `count` samples from `head` on, holes included; only those that are there are a fault."""
        there = min(count, self.waiting)
        del self._data[: 2 * there]
        self.head += count
        if there:
            self._faults.add(reason, discarded=there / self._rate)
        self._holes = [hole for hole in self._holes if hole.start >= self.head]

    def _close_holes(self, stop: int) -> None:
        """Nothing came in time for what has been cut."""
        open_holes: list[Hole] = []
        for hole in self._holes:
            gone = min(max(stop - hole.start, 0), hole.size)
            if gone:
                self._faults.add("lost", concealed=gone / self._rate)
            if gone < hole.size:
                open_holes.append(Hole(hole.start + gone, hole.size - gone, hole.media_time + gone / self._rate))
        self._holes = open_holes

    def _write_over(self, position: int, samples: bytes) -> None:
        index = 2 * (position - self.head)
        self._data[index : index + len(samples)] = samples

    def _rests(self, hole: Hole, begin: int, end: int, near: int) -> list[Hole]:
        """What stays open beside a filled piece; slivers are rounding, not loss."""
        rests: list[Hole] = []
        if begin >= near:
            rests.append(Hole(hole.start, begin, hole.media_time))
        if hole.size - end >= near:
            rests.append(Hole(hole.start + end, hole.size - end, hole.media_time + end / self._rate))
        return rests
