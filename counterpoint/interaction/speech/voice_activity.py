"""Where somebody speaks in a sound: speech begins, goes on through short gaps, and ends with a pause.

The probabilities come from a detector; the decisions on them are made here.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WINDOW: Final = 512
"""Samples at 16 kHz that the detector judges at a time: 32 ms."""

PAUSE_SECONDS: Final = 0.35
"""A longer silence ends a stretch of speech; within a phrase gaps are shorter."""

_CONTEXT: Final = 16_000 // WINDOW * WINDOW
_BEGINS: Final = 3
_LOUD, _QUIET = 0.5, 0.35

Samples = NDArray[np.float32]
Detector = Callable[[Samples], Any]


class VoiceActivity:
    """`voiced`: seconds of speech in the present stretch. `quiet`: seconds of silence since."""

    def __init__(self, detector: Detector) -> None:
        self.speaking = False
        self.voiced = 0.0
        self.quiet = 0.0
        self._detector = detector
        self._recent: Samples = np.zeros(_CONTEXT, np.float32)
        self._loud = 0

    def hear(self, samples: Samples) -> None:
        """Take the next piece."""
        known = np.concatenate([self._recent, samples])
        known = known[len(known) % WINDOW :]
        count = -(-len(samples) // WINDOW)
        for chance in np.ravel(self._detector(known.copy()))[-count:]:
            self._judge(float(chance))
        self._recent = known[-_CONTEXT:]

    @property
    def paused(self) -> bool:
        """A stretch of speech is over."""
        return self.speaking and self.quiet >= PAUSE_SECONDS

    def rest(self) -> None:
        """The stretch was dealt with."""
        self.speaking = False
        self.voiced = self.quiet = 0.0
        self._loud = 0

    def _judge(self, chance: float) -> None:
        seconds = WINDOW / 16_000
        if chance > _LOUD:
            self._loud += 1
            self.voiced += seconds
            self.quiet = 0.0
            self.speaking = self.speaking or self._loud >= _BEGINS
        elif chance < _QUIET:
            self._loud = 0
            self.quiet += seconds
            self.voiced = self.voiced if self.speaking else 0.0
