"""Ears that work here: Whisper in a thread of its own, guessing anew as speech goes on, and for good at each pause."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

import numpy as np

from counterpoint.interaction.speech.agreement import Agreement
from counterpoint.interaction.speech.ears import EarsCapabilities, Heard
from counterpoint.interaction.speech.recogniser import Recogniser
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

WAITING_SECONDS: Final = 10.0
"""Sound that waits for a recogniser that is too slow; more is left out, and recorded."""

_CLIPPED: Final = 0.02
"""Share of samples at the limit beyond which words may be lost to it."""


class WhisperEars:
    """`recogniser`, `detector`: from `recogniser.load`; all conversations share them, and one thread."""

    capabilities = EarsCapabilities("whisper", RATE)

    def __init__(self, recogniser: Recogniser, detector: Detector) -> None:
        self._recogniser = recogniser
        self._detector = detector
        self._thread = ThreadPoolExecutor(1, "counterpoint-ears")

    def open(self) -> "WhisperHearing":
        return WhisperHearing(Stretches(self._recogniser, self._detector), self._thread)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class WhisperHearing:
    def __init__(self, stretches: "Stretches", thread: ThreadPoolExecutor) -> None:
        self._stretches = stretches
        self._thread = thread
        self._work: deque[tuple[float, Future[Heard]]] = deque()
        self._left_out = 0.0
        self._speaking = False

    def hear(self, audio: bytes) -> Heard:
        seconds = len(audio) / (2 * RATE)
        if sum(each for each, _ in self._work) > WAITING_SECONDS:
            self._left_out += seconds
        else:
            self._work.append((seconds, self._thread.submit(self._stretches.hear, audio)))
        done: list[Heard] = []
        while self._work and self._work[0][1].done():
            done.append(self._result(self._work.popleft()[1]))
        if not done:
            return Heard(speaking=self._speaking)
        self._speaking = done[-1].speaking
        failures = [each.failed for each in done if each.failed]
        if self._left_out and len(self._work) <= 1:
            failures.append(f"the ears were too slow: {self._left_out:.1f} s of sound were not heard")
            self._left_out = 0.0
        words = tuple(word for each in done for word in each.words)
        return Heard(words, done[-1].tail, self._speaking, "; ".join(failures))

    def close(self) -> None:
        for _, work in self._work:
            work.cancel()
        self._work.clear()

    def _result(self, work: Future[Heard]) -> Heard:
        if (error := work.exception()) is not None:
            return Heard(failed=f"the ears failed: {type(error).__name__}: {error}")
        return work.result()


class Stretches:
    """The blocking part: sound is cut into stretches of speech, each recognised while it grows and at its end."""

    def __init__(self, recogniser: Recogniser, detector: Detector) -> None:
        self._recogniser = recogniser
        self._activity = VoiceActivity(detector)
        self._sound: Samples = np.zeros(0, np.float32)
        self._since = 0
        self._agreement = Agreement()
        self._guessed = 0.0
        self._said_clipped = False
        self._any = False

    def hear(self, audio: bytes) -> Heard:
        samples = np.frombuffer(audio, "<i2").astype(np.float32) * np.float32(1 / 32768)
        self._sound = np.concatenate([self._sound, samples])
        self._activity.hear(samples)
        if not self._activity.speaking:
            self._forget(max(0, len(self._sound) - round(_BEFORE * RATE)))
            return Heard()
        length = len(self._sound) / RATE
        final = self._activity.paused
        if not final and length - self._guessed < GUESS_SECONDS:
            return Heard(speaking=True)
        self._guessed = length
        heard = self._guess(final=final)
        if final:
            self._rest()
        elif length > LONGEST_STRETCH:
            heard = self._cut()
        return heard

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
