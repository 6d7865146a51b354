"""The log of one conversation in memory: records (bytes) by position. It knows neither writers nor readers."""

from array import array
from collections.abc import Sequence

from counterpoint.shared_context.codec import decode
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.ids import Position


class Log:
    __slots__ = ("_records", "_stamps", "size", "trimmed")

    def __init__(self) -> None:
        self._records: list[bytes] = []
        self._stamps = array("q")
        self.trimmed = Position(0)
        self.size = 0

    @property
    def tail(self) -> Position:
        """Position of the newest entry, trimmed or not; 0 before the first."""
        return Position(self.trimmed + len(self._records))

    def append(self, record: bytes, stamp: int) -> Position:
        self._records.append(record)
        self._stamps.append(stamp)
        self.size += len(record)
        return self.tail

    def stamp(self, position: Position) -> int:
        """Of the write at a position; 0 where that is trimmed, or nothing was written yet."""
        index = position - self.trimmed - 1
        return self._stamps[index] if 0 <= index < len(self._stamps) else 0

    def skip_to(self, position: Position) -> int:
        """Go on after a position as if everything up to it had been trimmed; the bytes that this freed."""
        freed = self.trim(self.tail)
        self.trimmed = position
        return freed

    def after(self, position: Position, limit: int) -> Sequence[Stored]:
        """Up to `limit` entries, oldest first; what was trimmed is missing from the front."""
        first = max(position - self.trimmed, 0)
        return [
            Stored(Position(self.trimmed + index + 1), decode(record), self._stamps[index])
            for index, record in enumerate(self._records[first : first + limit], first)
        ]

    def trim(self, upto: Position) -> int:
        """Remove entries up to a position; the bytes that this freed."""
        count = min(max(upto - self.trimmed, 0), len(self._records))
        freed = sum(map(len, self._records[:count]))
        del self._records[:count]
        del self._stamps[:count]
        self.trimmed = Position(self.trimmed + count)
        self.size -= freed
        return freed
