"""The sound that a model expressed, step by step, as one track: what a listener would have heard.

A step's sound begins when the step's span is over, or when the sound before it has ended. What has not been played
when the model yields is never heard.
"""


class Track:
    """`rate`: samples per second, PCM16 mono."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._sound = bytearray()

    def add(self, sound: bytes, at: float, *, yields: bool = False) -> None:
        """`at`: the end of the span in which it was expressed, in seconds."""
        place = 2 * round(at * self._rate)
        if yields:
            del self._sound[place:]
        if sound:
            self._sound += bytes(max(0, place - len(self._sound))) + sound

    def part(self, first: int, count: int) -> bytes:
        """So many samples from `first` on, which may be below 0: before the beginning there is silence."""
        before = min(count, max(0, -first))
        sound = bytes(self._sound[2 * max(0, first) : 2 * max(0, first + count)])
        return (bytes(2 * before) + sound).ljust(2 * count, b"\0")

    def until(self, seconds: float) -> bytes:
        """Its first seconds, with silence where there is nothing."""
        size = 2 * round(seconds * self._rate)
        return bytes(self._sound[:size]).ljust(size, b"\0")
