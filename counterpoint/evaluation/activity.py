"""When somebody speaks in a track: stretches that a detector finds, with edges where the sound begins and ends."""

from typing import Any, Final

import numpy as np

from counterpoint.evaluation.lived import Interval
from counterpoint.interaction.speech.voice_activity import WINDOW, Detector, Samples

RATE: Final = 16_000
_LOUD, _QUIET = 0.5, 0.35
"""Chances of speech at which a stretch begins, and below which it ends."""

_FRAME: Final = RATE // 100
_FLOOR: Final = 0.01
"""Share of a stretch's loudest hundredth of a second below which it is silence: soft consonants are louder."""

_HISS: Final = 3.0
"""Times the quietest tenth of the track below which it is silence as well."""

_REACH: Final = 0.25
"""Seconds around what the detector found in which the edge may lie: it is late at soft sounds."""

_SHORTEST: Final = 0.06


def speech(samples: Samples, detector: Detector) -> list[Interval]:
    """Seconds, parted at every silence that the detector notices. `samples`: at 16 kHz."""
    if not np.any(samples):
        return []
    loudness = _loudness(samples)
    found: list[Interval] = []
    judged: Any = detector(np.pad(samples, (0, -len(samples) % WINDOW)))
    chances: Samples = np.asarray(judged, np.float32).ravel()
    for first, last in _windows(chances):
        before = found[-1][1] if found else 0.0
        start, end = _edges(loudness, first * WINDOW / RATE, last * WINDOW / RATE, before)
        if end - start >= _SHORTEST:
            found.append((start, end))
    return found


def onsets(samples: Samples, span: Interval) -> list[float]:
    """Where sound begins after at least 0.04 s of quiet within a span, its beginning among them."""
    loudness = _loudness(samples)[round(span[0] * 100) : round(span[1] * 100)]
    if not len(loudness):
        return [span[0]]
    loud = loudness > 0.06 * loudness.max()
    begins = [n for n in range(4, len(loud)) if loud[n] and not loud[n - 4 : n].any()]
    return [span[0], *(span[0] + n / 100 for n in begins)]


def _loudness(samples: Samples) -> Samples:
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    return np.sqrt(np.mean(frames**2, axis=1, dtype=np.float32))


def _windows(chances: Samples) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    first: int | None = None
    for number, chance in enumerate([*chances.tolist(), 0.0]):
        if first is None and chance > _LOUD:
            first = number
        elif first is not None and chance < _QUIET:
            found.append((first, number))
            first = None
    return found


def _edges(loudness: Samples, start: float, end: float, before: float) -> Interval:
    """Moves the edges to where the sound sinks below the floor."""
    low, high = max(0, round(before * 100), round((start - _REACH) * 100)), round((end + _REACH) * 100)
    inner = loudness[round(start * 100) : round(end * 100)]
    if not len(inner):
        return start, end
    loud = loudness > max(_FLOOR * float(inner.max()), _HISS * float(np.quantile(loudness, 0.1)))
    first = round(start * 100)
    while first > low and loud[first - 1]:
        first -= 1
    while first < len(loud) - 1 and not loud[first] and first < round(end * 100):
        first += 1
    last = min(round(end * 100), len(loud))
    while last < min(high, len(loud)) and loud[last]:
        last += 1
    while last > first and not loud[last - 1]:
        last -= 1
    return first / 100, last / 100
