"""Micro-turns on their way to the listener: a short queue that never makes the beat loop wait."""

from collections import deque

from counterpoint.config import OUTPUT_BUFFER_BEATS
from counterpoint.errors import SlowListener
from counterpoint.interaction.metronome import Bell
from counterpoint.interaction.microturn import MicroTurn


class Output:
    """One listener. After `end` it gets what is left, then the error, or the end of the iteration."""

    def __init__(self, buffer_beats: int = 0) -> None:
        self._room = OUTPUT_BUFFER_BEATS + buffer_beats
        self._turns: deque[MicroTurn] = deque()
        self._bell = Bell()
        self._ended = False
        self._over = False
        self._error: BaseException | None = None

    @property
    def waiting(self) -> int:
        return len(self._turns)

    def put(self, turn: MicroTurn) -> None:
        """Raises `SlowListener` if the listener holds up more beats than the buffer has room for."""
        if self._over:
            return
        held = sum(1 for each in self._turns if each.part == 0)
        if held >= self._room:
            raise SlowListener(
                f"the listener took no micro-turn for {held} beats; iterate over the session in a task of its own, "
                "or declare what the listener holds with session(buffer=...)"
            )
        self._turns.append(turn)
        self._bell.ring()

    def end(self, error: BaseException | None = None, *, at_once: bool = False) -> None:
        """`at_once`: what is left is not for the listener any more; somebody else speaks to it now."""
        if at_once:
            self._over = True
            self._turns.clear()
        if not self._ended:
            self._ended = True
            self._error = error
        self._bell.ring()

    def raise_unseen(self) -> None:
        """An error that no listener has been given is raised where the session is left."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    async def take(self) -> MicroTurn | None:
        """The next micro-turn; None when there is none any more. Raises what ended the session, once."""
        while not self._turns:
            if self._ended:
                error, self._error = self._error, None
                if error is not None:
                    raise error
                return None
            self._bell.reset()
            await self._bell.wait()
        return self._turns.popleft()
