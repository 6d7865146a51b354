"""PCM16 from one rate to another: the mean over each output sample's stretch downwards, linear interpolation upwards.

Exact in integers, with the phase carried from piece to piece. Good enough for a sender that cannot do better; pure
Python takes a few hundred microseconds for 20 ms, so send at the model's rate where cost matters.
"""

import sys
from array import array
from collections.abc import Iterable
from itertools import accumulate, pairwise
from math import gcd


class Resampler:
    """Call it with consecutive pieces at `source` samples per second; what comes back is at `target`."""

    __slots__ = ("_carry", "_phase", "_pitch", "_scale", "source")

    def __init__(self, source: int, target: int) -> None:
        common = gcd(source, target)
        self.source = source
        self._pitch, self._scale = source // common, target // common
        self._phase = 0
        self._carry = array("h")

    def __call__(self, samples: bytes) -> bytes:
        data = self._carry + _decoded(samples)
        values = self._means(data) if self._pitch > self._scale else self._interpolated(data)
        taken, self._phase = divmod(self._phase, self._scale)
        self._carry = data[taken:]
        return _encoded(values)

    def _means(self, data: "array[int]") -> list[int]:
        """Positions count 1/scale of an input sample: an output sample is `pitch` of them wide."""
        pitch, scale, phase = self._pitch, self._scale, self._phase
        sums = list(accumulate(data, initial=0))
        count = (len(data) * scale - phase) // pitch
        if scale == 1:
            areas = sums[phase : phase + count * pitch + 1 : pitch]
        else:
            edges = (divmod(phase + k * pitch, scale) for k in range(count + 1))
            areas = [sums[i] * scale + (rest * data[i] if rest else 0) for i, rest in edges]
        self._phase = phase + count * pitch
        return [(right - left) // pitch for left, right in pairwise(areas)]

    def _interpolated(self, data: "array[int]") -> list[int]:
        pitch, scale, phase = self._pitch, self._scale, self._phase
        count = max(((len(data) - 1) * scale - phase + pitch - 1) // pitch, 0)
        self._phase = phase + count * pitch
        places = (divmod(phase + k * pitch, scale) for k in range(count))
        return [(data[i] * (scale - rest) + data[i + 1] * rest) // scale for i, rest in places]


def _decoded(samples: bytes) -> "array[int]":
    data = array("h", samples)
    if sys.byteorder == "big":
        data.byteswap()
    return data


def _encoded(values: Iterable[int]) -> bytes:
    data = array("h", values)
    if sys.byteorder == "big":
        data.byteswap()
    return data.tobytes()
