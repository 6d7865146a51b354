"""What one writer has written under one fence: which position each of its sequence numbers got.

Numbers and positions mostly rise together, so they are kept as runs, 16 bytes each.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence

from counterpoint.errors import SequenceGap, WriteRefused
from counterpoint.shared_context.entries import Entry
from counterpoint.shared_context.ids import Position


class Ledger:
    __slots__ = ("_next", "_positions", "_seqs", "last")

    def __init__(self) -> None:
        self._next = 0
        self._seqs = array("q")
        self._positions = array("q")
        self.last = 0

    def fresh(self, entries: Sequence[Entry]) -> list[Entry]:
        """Those that were not written yet. Raises `SequenceGap` if one is missing before them."""
        expected = self.last + 1
        fresh: list[Entry] = []
        for entry in entries:
            seq = entry.header.seq
            if seq > expected:
                raise SequenceGap(expected, seq)
            if seq < 1:
                raise WriteRefused(f"entries are counted from 1, this one has number {seq}")
            if seq == expected:
                fresh.append(entry)
                expected += 1
        return fresh

    def add(self, position: Position) -> None:
        """The next number got this position."""
        self.last += 1
        if position != self._next:
            self._seqs.append(self.last)
            self._positions.append(position)
        self._next = position + 1

    def skip_to(self, seq: int) -> None:
        """The entries up to this number were written, and nobody knows where any more."""
        if seq > self.last:
            self.last, self._next = seq, 0

    def position(self, seq: int) -> Position:
        """0 for what was given back, and nobody knows where it is."""
        run = bisect_right(self._seqs, seq) - 1
        if run < 0:
            return Position(0)
        return Position(self._positions[run] + seq - self._seqs[run])
