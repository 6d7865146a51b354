"""One conversation's hearing, done by a thread: sound waits there in a bounded line, and no beat waits for it."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from counterpoint.interaction.speech.ears import Heard
from counterpoint.interaction.speech.stretches import RATE, Stretches

WAITING_SECONDS: Final = 10.0
"""Sound that waits for a recogniser that is too slow; more is left out, and recorded."""


class ThreadHearing:
    """`thread`: one, so that sound is heard in its order. It stays the caller's to end."""

    def __init__(self, stretches: Stretches, thread: ThreadPoolExecutor) -> None:
        self._stretches = stretches
        self._thread = thread
        self._work: deque[tuple[float, Future[Heard]]] = deque()
        self._sent = 0
        self._left_out = 0.0
        self._speaking = False

    def hear(self, audio: bytes) -> Heard:
        seconds = len(audio) / (2 * RATE)
        if sum(each for each, _ in self._work) > WAITING_SECONDS:
            self._left_out += seconds
        else:
            self._sent += 1
            self._work.append((seconds, self._thread.submit(self._listen, audio, self._sent)))
        done: list[Heard] = []
        while self._work and self._work[0][1].done():
            done.append(self._result(self._work.popleft()[1]))
        if not done:
            return Heard(speaking=self._speaking or self._stretches.speaking)
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

    def _listen(self, audio: bytes, number: int) -> Heard:
        return self._stretches.hear(audio, more=number < self._sent)

    def _result(self, work: Future[Heard]) -> Heard:
        if (error := work.exception()) is not None:
            return Heard(failed=f"the ears failed: {type(error).__name__}: {error}")
        return work.result()
