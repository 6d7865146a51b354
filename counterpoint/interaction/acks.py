"""What the listener reports to have played, until the next step on the grid takes it into account."""

from collections import deque

import msgspec

from counterpoint.shared_context.ids import Beat


class Ack(msgspec.Struct, frozen=True):
    """The listener played this micro-turn up to there."""

    beat: Beat
    part: int
    words: int | None
    samples: int | None


class Acks:
    def __init__(self) -> None:
        self._waiting: deque[Ack] = deque()

    def add(self, ack: Ack) -> None:
        self._waiting.append(ack)

    def report(self, ack: Ack) -> None:
        """A listener may report every few samples: reports on the same micro-turn, one right after the other, become
        one.
        """
        last = self._waiting[-1] if self._waiting else None
        if last is not None and (last.beat, last.part) == (ack.beat, ack.part):
            words, samples = _farther(last.words, ack.words), _farther(last.samples, ack.samples)
            self._waiting[-1] = Ack(ack.beat, ack.part, words, samples)
        else:
            self._waiting.append(ack)

    def take(self) -> tuple[Ack, ...]:
        taken = tuple(self._waiting)
        self._waiting.clear()
        return taken


def _farther(one: int | None, other: int | None) -> int | None:
    return one if other is None else other if one is None else max(one, other)
