"""Things in order of a rank, and among equals in order of their numbers. It knows neither time nor delegations."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from math import inf
from typing import Generic, TypeVar

T = TypeVar("T")


class Lineup(Generic[T]):
    """A sorted list, so that what is taken out leaves nothing behind. Numbers are unique."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: list[tuple[float, int, T]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rank: float, number: int, thing: T) -> None:
        insort(self._rows, (rank, number, thing))

    def remove(self, rank: float, number: int) -> None:
        del self._rows[bisect_left(self._rows, (rank, number))]

    def __iter__(self) -> Iterator[T]:
        return (thing for _, _, thing in self._rows)

    def first(self) -> T:
        """The one of lowest rank; there has to be one."""
        return self._rows[0][2]

    def until(self, rank: float) -> list[T]:
        """Everything up to and including a rank."""
        return [thing for _, _, thing in self._rows[: self._end(rank)]]

    def pop_until(self, rank: float) -> list[T]:
        """Take out everything up to and including a rank."""
        due = self.until(rank)
        del self._rows[: len(due)]
        return due

    def _end(self, rank: float) -> int:
        return bisect_left(self._rows, (rank, inf))
