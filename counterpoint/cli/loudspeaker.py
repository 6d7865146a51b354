"""Sound on its way from micro-turns to a device's thread, and back from there how much of it was played.

It knows no device and no session. Where sound is late there is silence, and a little more before it goes on.
"""

from collections import deque
from threading import Lock
from typing import Final

import msgspec

from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.resampler import Resampler
from counterpoint.shared_context.expressed import Boundary

LEAD_SECONDS: Final = 0.06
"""Silence before sound that follows on none: micro-turns come on a grid, give or take some milliseconds."""


class _Piece(msgspec.Struct):
    """`at`: bytes that the device has got."""

    turn: MicroTurn
    sound: bytes
    at: int = 0


class Reported(msgspec.Struct, frozen=True):
    """So many samples of a micro-turn's sound were played; None: all of it, and its words."""

    turn: MicroTurn
    samples: int | None = None


class Loudspeaker:
    """`rate`: the device's; `source`: of micro-turns. One thread may `give` while another one does the rest.

    `gaps`: how often sound ran out in the middle of speech.
    """

    def __init__(self, rate: int, source: int) -> None:
        self.gaps = 0
        self._rate = rate
        self._source = source
        self._resampler = Resampler(source, rate)
        self._lock = Lock()
        self._pieces: deque[_Piece] = deque()
        self._silence = 0
        self._in_the_middle = False
        self._done: list[Reported] = []

    def hear(self, turn: MicroTurn) -> None:
        """A micro-turn has come."""
        with self._lock:
            if turn.flush:
                self._flush()
            if turn.audio:
                self._add(turn)
            elif turn.text:
                self._done.append(Reported(turn))

    def give(self, count: int) -> bytes:
        """The next so many samples, silence where there are none. Waits for nobody for longer than a moment."""
        given = bytearray()
        with self._lock:
            silence = min(self._silence, 2 * count)
            given += bytes(silence)
            self._silence -= silence
            while self._pieces and len(given) < 2 * count:
                piece = self._pieces[0]
                part = piece.sound[piece.at : piece.at + 2 * count - len(given)]
                given += part
                piece.at += len(part)
                if piece.at < len(piece.sound):
                    break
                self._finish(self._pieces.popleft().turn)
        return bytes(given) + bytes(2 * count - len(given))

    def played(self) -> list[Reported]:
        """What has been played, or never will be, since the last time."""
        with self._lock:
            done, self._done = self._done, []
        return done

    @property
    def playing(self) -> bool:
        with self._lock:
            return bool(self._pieces)

    def _add(self, turn: MicroTurn) -> None:
        if not self._pieces:
            self.gaps += self._in_the_middle
            self._silence = 2 * round(LEAD_SECONDS * self._rate)
        sound = turn.audio if self._rate == self._source else self._resampler(turn.audio)
        self._pieces.append(_Piece(turn, sound))

    def _finish(self, turn: MicroTurn) -> None:
        self._done.append(Reported(turn))
        self._in_the_middle = turn.boundary is not Boundary.END

    def _flush(self) -> None:
        share = self._source / self._rate
        self._done += [Reported(each.turn, round(each.at // 2 * share)) for each in self._pieces]
        self._pieces.clear()
        self._silence = 0
        self._in_the_middle = False
        self._resampler = Resampler(self._source, self._rate)
