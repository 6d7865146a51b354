"""The sender's clock against the session's: when a piece of media is due, by its `media_time` and its arrival.

A piece is due at `media_time + delay`. Transit is arrival minus media time; its floor (the least of the last 10 to
20 s) is the offset between the clocks plus the fastest path, and follows their drift: at 200 ppm it lags 4 ms at most.
The delay is that floor, plus the length of a piece, plus a jitter depth of 60 ms, up to 400 ms if pieces come later. It
grows at once and shrinks by 2.5 ms a second. Knows nothing of samples.
"""

from math import inf
from typing import Final

from counterpoint.config import JITTER_SECONDS

MAX_JITTER_SECONDS: Final = 0.4
"""The jitter buffer never gets deeper: what comes later still is late, not jittery."""

JUMP_SECONDS: Final = 2.0
"""A transit that differs by more than this is a clock that was set, not a network that is slow."""

_WINDOW = 10.0
_MARGIN = 0.01
_SLEW = 0.0025


class MediaClock:
    __slots__ = ("_ceiling", "_delay", "_floor", "_latest", "_longest", "_next", "_now", "_target")

    def __init__(self) -> None:
        self.begin(0.0, 0.0, 0.0)

    def begin(self, media_time: float, seconds: float, now: float, earliest: float = 0.0) -> float:
        """Forget everything and start from this piece. When it is due: at `earliest` if that can be, and never before
        the default depth.
        """
        transit = now - media_time
        self._now = (inf, -inf, 0.0)
        self._floor, self._latest, self._longest = transit - seconds, transit, seconds
        self._next = now + _WINDOW
        self._widen(transit - seconds, transit, seconds)
        self._delay = max(transit + JITTER_SECONDS, min(earliest - media_time, self._ceiling))
        return media_time + self._delay

    def observe(self, media_time: float, seconds: float, now: float) -> float:
        """When a piece of that length is due. In the past: it is later than the deepest jitter buffer allows."""
        transit = now - media_time
        if now >= self._next:
            self._turn(now)
        floor, latest, longest = self._now
        if transit - seconds < floor or seconds > longest or latest < transit <= self._ceiling:
            self._widen(transit - seconds, transit if transit <= self._ceiling else -inf, seconds)
        delay, target = self._delay, self._target
        if delay < transit <= self._ceiling:
            delay = min(transit + _MARGIN, self._ceiling)
        elif delay > target:
            delay = min(max(target, delay - _SLEW * seconds), self._ceiling)
        elif delay < target:
            delay = min(target, delay + _SLEW * seconds)
        self._delay = delay
        return media_time + delay

    def jumped(self, media_time: float, seconds: float, now: float) -> bool:
        """The sender's clock was set, or the sender started again."""
        return abs(now - media_time - seconds - self._floor) > JUMP_SECONDS

    def _turn(self, now: float) -> None:
        """Begin a new window; from now on only the last one and this one count."""
        self._floor, self._latest, self._longest = self._now
        self._now = (inf, -inf, 0.0)
        self._next = now + _WINDOW
        self._aim()

    def _widen(self, floor: float, latest: float, longest: float) -> None:
        now = self._now
        self._now = (min(now[0], floor), max(now[1], latest), max(now[2], longest))
        self._floor = min(self._floor, floor)
        self._latest = max(self._latest, latest)
        self._longest = max(self._longest, longest)
        self._aim()

    def _aim(self) -> None:
        least = self._floor + self._longest
        self._ceiling = least + MAX_JITTER_SECONDS
        self._target = min(max(least + JITTER_SECONDS, self._latest + _MARGIN), self._ceiling)
