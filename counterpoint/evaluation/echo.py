"""What of a model's own voice comes back through a loudspeaker into its microphone. It knows no model."""

from typing import Final

import numpy as np

from counterpoint.evaluation.track import Track

WAY_SECONDS: Final = 0.15
"""From where a beat's sound may begin to where it is heard: .06 s that a player waits so as not to run dry, a block of
.02 s each way, and what a sound device takes.
"""


class Echo:
    """`decibels`: so much quieter than the model speaks. `said`: its sound so far, at `rate`."""

    def __init__(self, decibels: float, said: Track, rate: int) -> None:
        self._gain = 10 ** (-decibels / 20)
        self._said = said
        self._late = round(WAY_SECONDS * rate)
        self._rate = rate

    def over(self, sound: bytes, begin: float) -> bytes:
        """PCM16 that is heard from `begin` on, with what comes back meanwhile; peaks are clipped."""
        person = np.frombuffer(sound, "<i2").astype(np.float64)
        own = self._said.part(round(begin * self._rate) - self._late, len(person))
        both = person + self._gain * np.frombuffer(own, "<i2")
        return np.clip(np.rint(both), -32768, 32767).astype("<i2").tobytes()
