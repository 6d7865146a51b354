"""The log of one conversation in memory: records (bytes) by position. It knows neither writers nor readers."""

from collections.abc import Sequence

from counterpoint.shared_context.codec import decode
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.ids import Position


class Log:
    __slots__ = ("_records", "size", "trimmed")

    def __init__(self) -> None:
        self._records: list[bytes] = []
        self.trimmed = Position(0)
        self.size = 0

    @property
    def tail(self) -> Position:
        """Position of the newest entry, trimmed or not; 0 before the first."""
        return Position(self.trimmed + len(self._records))

    def append(self, record: bytes) -> Position:
        self._records.append(record)
        self.size += len(record)
        return self.tail

    def after(self, position: Position, limit: int) -> Sequence[Stored]:
        """Up to `limit` entries, oldest first; what was trimmed is missing from the front."""
        first = max(position - self.trimmed, 0)
        return [
            Stored(Position(self.trimmed + index + 1), decode(record))
            for index, record in enumerate(self._records[first : first + limit], first)
        ]

    def trim(self, upto: Position) -> int:
        """Remove entries up to a position; the bytes that this freed."""
        count = min(max(upto - self.trimmed, 0), len(self._records))
        freed = sum(map(len, self._records[:count]))
        del self._records[:count]
        self.trimmed = Position(self.trimmed + count)
        self.size -= freed
        return freed
