"""Sound is cut into stretches of speech, each recognised while it grows and for good at its end. Blocks meanwhile.

It knows neither threads nor who recognises.
"""

from typing import Final, Protocol

import numpy as np

from counterpoint.errors import CounterpointError
from counterpoint.interaction.speech.agreement import Agreement
from counterpoint.interaction.speech.ears import Heard, HeardWord
from counterpoint.interaction.speech.voice_activity import Detector, Samples, VoiceActivity

RATE: Final = 16_000

GUESS_SECONDS: Final = 0.6
"""New sound after which a stretch that still goes on is guessed anew; a guess costs about 0.1 s of a core."""

LONGEST_STRETCH: Final = 12.0
"""Seconds of speech without a pause; then its beginning is taken as heard, and forgotten."""

_BEFORE: Final = 0.4
"""Seconds kept from before speech was detected: its first sounds are soft."""

_LEAST_VOICED: Final = 0.12
"""Seconds; less is a click."""

_CLIPPED: Final = 0.02
"""Share of samples at the limit beyond which words may be lost to it."""


class Recognises(Protocol):
    def words(self, samples: Samples, since: float) -> list[HeardWord]:
        """`samples`: at 16 kHz; they begin at `since` seconds. Blocks. Raises `CounterpointError` if nothing can be
        said of them.
        """
        ...


class Stretches:
    """`guess_seconds`: of new sound, after which a stretch that still goes on is guessed anew."""

    def __init__(self, recogniser: Recognises, detector: Detector, *, guess_seconds: float = GUESS_SECONDS) -> None:
        self._recogniser = recogniser
        self._guess_seconds = guess_seconds
        self._activity = VoiceActivity(detector)
        self._sound: Samples = np.zeros(0, np.float32)
        self._since = 0
        self._agreement = Agreement()
        self._guessed = 0.0
        self._said_clipped = False
        self._any = False

    @property
    def speaking(self) -> bool:
        """Known before what is said is: another thread may look while this one recognises."""
        return self._activity.speaking

    def hear(self, audio: bytes, *, more: bool = False) -> Heard:
        """`more` sound waits already: a guess that is not for good would come too late to be of use."""
        samples = np.frombuffer(audio, "<i2").astype(np.float32) * np.float32(1 / 32768)
        self._sound = np.concatenate([self._sound, samples])
        self._activity.hear(samples)
        if not self._activity.speaking:
            self._forget(max(0, len(self._sound) - round(_BEFORE * RATE)))
            return Heard()
        length = len(self._sound) / RATE
        final = self._activity.paused
        too_long = length > LONGEST_STRETCH
        if not (final or too_long) and (more or length - self._guessed < self._guess_seconds):
            return Heard(speaking=True)
        self._guessed = length
        try:
            heard = self._guess(final=final)
            if too_long and not final:
                heard = self._cut()
        except CounterpointError as error:
            return self._unrecognised(error, over=final or too_long)
        if final:
            self._rest()
        return heard

    def _unrecognised(self, error: CounterpointError, *, over: bool) -> Heard:
        """Unless it is over, the next guess hears it all again."""
        if not over:
            return Heard(speaking=True)
        seconds, paused = self._activity.voiced, self._activity.paused
        self._rest()
        return Heard(speaking=not paused, failed=f"{seconds:.1f} s of speech were not heard: {error}")

    def _guess(self, *, final: bool) -> Heard:
        if final and self._activity.voiced < _LEAST_VOICED:
            return Heard()
        words = self._recogniser.words(self._sound, self._since / RATE)
        new, tail = self._agreement.update(words, final=final)
        self._any = self._any or bool(new)
        return Heard(tuple(new), tail, speaking=not final, failed=self._trouble(final=final))

    def _cut(self) -> Heard:
        """All but the last words count; from their beginning on it is a new stretch."""
        words = self._recogniser.words(self._sound, self._since / RATE)
        kept = [word for word in words if word.end * RATE < self._since + len(self._sound) - RATE]
        new, _ = self._agreement.update(kept, final=True)
        until = round(kept[-1].end * RATE) - self._since if kept else len(self._sound) - RATE
        self._forget(until)
        self._agreement = Agreement()
        self._guessed = 0.0
        return Heard(tuple(new), speaking=True)

    def _trouble(self, *, final: bool) -> str:
        """What the record should say of the sound."""
        told: list[str] = []
        clipped = float(np.mean(np.abs(self._sound) > 0.998)) if len(self._sound) else 0.0
        if clipped > _CLIPPED and not self._said_clipped:
            self._said_clipped = True
            told.append(f"the sound is clipped: {clipped:.0%} of a stretch of speech is at the limit")
        if final and not self._any:
            told.append(f"{self._activity.voiced:.1f} s sounded like speech, and no words were understood")
        return "; ".join(told)

    def _rest(self) -> None:
        self._activity.rest()
        self._forget(max(0, len(self._sound) - round(_BEFORE * RATE)))
        self._agreement = Agreement()
        self._guessed = 0.0
        self._any = False

    def _forget(self, samples: int) -> None:
        self._sound = self._sound[samples:]
        self._since += samples
