"""Ears behind an OpenAI-compatible server (`/audio/transcriptions`): what is speech is told here, its words there."""

import io
import wave
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from functools import partial
from typing import Final

import numpy as np

from counterpoint.engines.http.address import address_of
from counterpoint.engines.http.key import key_of
from counterpoint.engines.http.speech_server import SpeechServer
from counterpoint.engines.http.transcript import Transcript
from counterpoint.errors import ConfigurationError, EngineError
from counterpoint.interaction.speech.aside import Aside
from counterpoint.interaction.speech.ears import EarsCapabilities, Heard, HeardWord
from counterpoint.interaction.speech.recogniser import load_detector
from counterpoint.interaction.speech.stretches import GUESS_SECONDS, RATE, Stretches
from counterpoint.interaction.speech.thread_hearing import ThreadHearing
from counterpoint.interaction.speech.transcribed import words_in
from counterpoint.interaction.speech.voice_activity import Detector, Samples

SECONDS: Final = 8.0
"""For a stretch of speech, tries included; sound that comes meanwhile waits, and the ears keep 10 s of it."""

LOADING_SECONDS: Final = 120.0
"""The same for the first request: the server may have to load a model."""


class ServedEars:
    """`url`: of the server; `model` wins over what stands after "#". `language`: of the person, such as "de"; without
    it the server finds out by itself. `guess_seconds`: as speech goes on, the whole stretch is sent again after so much
    more of it; a server that is paid by the second of sound is cheaper with more.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        language: str = "",
        guess_seconds: float = GUESS_SECONDS,
    ) -> None:
        address = address_of(url, model)
        if not address.model:
            raise ConfigurationError(f"which model of {address.host} hears? Write its address as URL#MODEL")
        if not guess_seconds > 0:
            raise ConfigurationError(f"guess_seconds has to be more than 0, not {guess_seconds}")
        self.capabilities = EarsCapabilities(str(address), RATE)
        self._server = SpeechServer(address, key_of(address, api_key))
        self._language = language
        self._guess_seconds = guess_seconds
        self._detector: Detector | None = None
        self._aside = Aside(f"the ears {address}", self._server)

    def open(self) -> "ServedHearing":
        """Loads the detector of speech with the first one, if `load` did not: some milliseconds. Raises `MissingExtra`
        without the extra `ears`.
        """
        self._detector = self._detector or load_detector()
        return ServedHearing(ServedRecogniser(self._ask), self._detector, self._guess_seconds)

    def load(self) -> None:
        """Has a second of silence transcribed. Blocks. Raises `EngineError`, `ConfigurationError`, `MissingExtra`."""
        self._detector = self._detector or load_detector()
        self._aside.start(self._server.check).result()
        silence = wav_of(np.zeros(RATE, np.float32))
        self._ask(silence, LOADING_SECONDS).result()

    def close(self) -> None:
        self._aside.close()

    def _ask(self, wav: bytes, seconds: float = SECONDS) -> Future[Transcript]:
        ask = partial(self._server.transcribe, wav, language=self._language, seconds=seconds)
        return self._aside.start(ask)


class ServedHearing:
    """One conversation's ears, in a thread of its own: it waits for the server, others do not wait for it."""

    def __init__(self, recogniser: "ServedRecogniser", detector: Detector, guess_seconds: float) -> None:
        self._recogniser = recogniser
        self._thread = ThreadPoolExecutor(1, "counterpoint-hearing")
        self._hearing = ThreadHearing(Stretches(recogniser, detector, guess_seconds=guess_seconds), self._thread)

    def hear(self, audio: bytes) -> Heard:
        return self._hearing.hear(audio)

    def close(self) -> None:
        """At once: what the server is being asked is given up."""
        self._hearing.close()
        self._recogniser.close()
        self._thread.shutdown(wait=False, cancel_futures=True)


class ServedRecogniser:
    """`ask`: has a WAV file transcribed."""

    def __init__(self, ask: Callable[[bytes], Future[Transcript]]) -> None:
        self._ask = ask
        self._asked: Future[Transcript] | None = None
        self._closed = False

    def words(self, samples: Samples, since: float) -> list[HeardWord]:
        """Blocks. Raises what the server made of it."""
        if self._closed:
            raise EngineError("the conversation is over")
        asked = self._asked = self._ask(wav_of(samples))
        try:
            transcript = asked.result()
        except CancelledError:
            raise EngineError("the conversation is over") from None
        return words_in(transcript, len(samples) / RATE, since)

    def close(self) -> None:
        self._closed = True
        if self._asked is not None:
            self._asked.cancel()


def wav_of(samples: Samples) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes((np.clip(samples, -1.0, 1.0) * 32767).astype("<i2").tobytes())
    return file.getvalue()
