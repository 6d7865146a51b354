"""Sound on its way from a device's thread to the session: in pieces, each with its place in time. It knows no device.

What finds no room, or what the device lost, is left out; the next piece's time says how much that was.
"""

from collections import deque
from typing import Final

from counterpoint.shared_context.chunks import AudioChunk

WAITING_SECONDS: Final = 2.0
"""Sound that waits for a stalled event loop; the runtime would throw away what comes later than that anyway."""


class Microphone:
    """`rate`: the device's, in samples per second. One thread may `take` while another one asks for `pieces`.

    `left_out`: seconds for which there was no room.
    """

    def __init__(self, rate: int) -> None:
        self.left_out = 0.0
        self._rate = rate
        self._samples = 0
        self._seq = 0
        self._waiting: deque[AudioChunk] = deque()
        self._room = round(WAITING_SECONDS * rate)

    def take(self, samples: bytes, lost: int = 0) -> None:
        """Never waits. `lost`: samples that the device could not hand over, before these."""
        count = len(samples) // 2
        self._samples += lost
        if sum(len(chunk.samples) // 2 for chunk in tuple(self._waiting)) + count > self._room:
            self.left_out += count / self._rate
        elif count:
            self._waiting.append(AudioChunk(samples, self._seq, self._samples / self._rate, self._rate))
        self._samples += count
        self._seq += 1

    def pieces(self) -> list[AudioChunk]:
        """What has come since the last time."""
        return [self._waiting.popleft() for _ in range(len(self._waiting))]
