"""The metronome: waits for beats that are computed, never accumulated, or for a bell that asks for an early step."""

import asyncio

import anyio

from counterpoint.config import BEAT_SECONDS
from counterpoint.shared_context.ids import Beat

_GOLDEN = 0.6180339887498949


def spread(index: int) -> float:
    """Phase in seconds [0, 0.2) of the `index`-th session: golden-ratio steps keep any number evenly apart."""
    return index * _GOLDEN % 1.0 * BEAT_SECONDS


def slot(now: float, phase: float, *, late: bool) -> float:
    """The first moment from now on that lies `phase` into a beat of the process-wide grid. `late`: the last one before
    that: somebody has been waiting, and is not to wait for a whole beat more.
    """
    begun = now - phase
    beats = -(-begun // BEAT_SECONDS)
    slot = beats * BEAT_SECONDS + phase
    slot = slot if slot - now < BEAT_SECONDS - 1e-9 else now
    return slot - BEAT_SECONDS if late and slot > now else slot


class Bell:
    """Rung by whoever has something for the beat loop; one waiter. Ringing never waits."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    @property
    def rung(self) -> bool:
        return self._event.is_set()

    def ring(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()

    def reset(self) -> None:
        if self._event.is_set():
            self._event = anyio.Event()


class Metronome:
    """Beat `first + n` ends at `start + (n + 1) * 0.2`, in seconds of the event loop's clock."""

    def __init__(self, start: float, first: Beat) -> None:
        self._begun = start
        self._start = start - first * BEAT_SECONDS
        self.bell = Bell()

    def end_of(self, beat: int) -> float:
        """When a beat's input ends and its output begins to play."""
        return self._start + (beat + 1) * BEAT_SECONDS

    def since_start(self, at: float) -> float:
        """Seconds of the session: its media clock is measured from here."""
        return at - self._begun

    def beat_at(self, now: float) -> Beat:
        """The beat that is going on."""
        return Beat(int((now - self._start) / BEAT_SECONDS + 1e-6))

    async def until_end_of(self, beat: Beat) -> None:
        """Wait until a beat has ended, or until the bell rings, whichever is first."""
        bell = self.bell
        timer = asyncio.get_running_loop().call_at(self.end_of(beat), bell.ring)
        try:
            await bell.wait()
        finally:
            timer.cancel()
