"""What stands for a sound device where there is none: it records a file, in real time, and keeps what it plays."""

import wave
from array import array
from pathlib import Path
from typing import Final

import anyio

from counterpoint.cli.sound_path import SoundPath

BLOCK_SECONDS: Final = 0.02


class WavCard:
    """`question`: PCM16 mono at the path's rate. `asked`: set once it has been recorded to its end."""

    def __init__(self, path: SoundPath, question: bytes) -> None:
        self.trouble = ""
        self.asked = anyio.Event()
        self._path = path
        self._block = round(path.rate * BLOCK_SECONDS)
        self._question = question
        self._recorded = bytearray()
        self._played = bytearray()

    async def run(self) -> None:
        """Until it is cancelled. After the question nothing is recorded, and what is played is kept all the same."""
        start, number = anyio.current_time(), 0
        while True:
            number += 1
            await anyio.sleep_until(start + number * BLOCK_SECONDS)
            size = 2 * self._block
            recorded = self._question[(number - 1) * size : number * size]
            self._recorded += recorded
            self._played += self._path.exchange(recorded, self._block)
            if len(self._recorded) >= len(self._question):
                self.asked.set()

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return len(self._played) / 2 / self._path.rate

    @property
    def rate(self) -> int:
        return self._path.rate

    def both(self) -> bytes:
        """What was recorded on the left, what was played on the right."""
        size = max(len(self._recorded), len(self._played))
        both = array("h", bytes(2 * size))
        both[::2] = array("h", bytes(self._recorded) + bytes(size - len(self._recorded)))
        both[1::2] = array("h", bytes(self._played) + bytes(size - len(self._played)))
        return both.tobytes()

    def write(self, path: Path) -> float:
        """Returns the seconds written; blocks."""
        both = self.both()
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(self._path.rate)
            file.writeframes(both)
        return len(both) / 4 / self._path.rate
