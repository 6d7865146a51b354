"""Ears that work here: Whisper in a thread of its own, guessing anew as speech goes on, and for good at each pause."""

from concurrent.futures import ThreadPoolExecutor

from counterpoint.interaction.speech.ears import EarsCapabilities
from counterpoint.interaction.speech.recogniser import Recogniser
from counterpoint.interaction.speech.stretches import RATE, Stretches
from counterpoint.interaction.speech.thread_hearing import ThreadHearing
from counterpoint.interaction.speech.voice_activity import Detector


class WhisperEars:
    """`recogniser`, `detector`: from `recogniser.load`; all conversations share them, and one thread."""

    capabilities = EarsCapabilities("whisper", RATE)

    def __init__(self, recogniser: Recogniser, detector: Detector) -> None:
        self._recogniser = recogniser
        self._detector = detector
        self._thread = ThreadPoolExecutor(1, "counterpoint-ears")

    def open(self) -> ThreadHearing:
        return ThreadHearing(Stretches(self._recogniser, self._detector), self._thread)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
