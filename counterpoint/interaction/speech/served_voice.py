"""A voice behind an OpenAI-compatible server (`/audio/speech`). Such servers tell no times of words: they are estimated
from the letters of each, over the measured length of the clause.
"""

from concurrent.futures import Future
from functools import partial
from typing import Final, Literal

from msgspec.structs import replace

from counterpoint.config import AUDIO_RATE
from counterpoint.engines.http.address import address_of
from counterpoint.engines.http.key import key_of
from counterpoint.engines.http.quirks import SpeechQuirks
from counterpoint.engines.http.speech_server import SpeechServer
from counterpoint.errors import ConfigurationError, EngineError
from counterpoint.interaction.speech.aside import Aside
from counterpoint.interaction.speech.clause_sound import spoken
from counterpoint.interaction.speech.served_sound import PCM_RATE, OddSound, sound_in
from counterpoint.interaction.speech.voice import Spoken, VoiceCapabilities

SECONDS: Final = 10.0
"""For a clause, tries included: a server that takes longer hangs, or cannot keep up with speech anyway."""

LOADING_SECONDS: Final = 120.0
"""The same for the first one: the server may have to load a model."""


class ServedVoice:
    """`url`: of the server; `model` wins over what stands after "#". Without `voice` the model ends in it: MODEL:VOICE.
    `sound`: what is asked for; PCM has `rate` samples per second unless the server says another rate.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        voice: str | None = None,
        *,
        api_key: str | None = None,
        sound: Literal["wav", "pcm"] = "wav",
        rate: int = PCM_RATE,
    ) -> None:
        address = address_of(url, model)
        if voice is None:
            named, _, voice = address.model.rpartition(":")
            address = replace(address, model=named)
        if not address.model or not voice:
            raise ConfigurationError(
                f"which model of {address.host} speaks, and with which voice? Write its address as URL#MODEL:VOICE"
            )
        self.capabilities = VoiceCapabilities(f"{address} as {voice}", AUDIO_RATE, timed=False)
        self._server = SpeechServer(address, key_of(address, api_key), quirks=SpeechQuirks(sound=sound))
        self._voice = voice
        self._rate = rate
        self._aside = Aside(f"the voice {address}", self._server)

    def say(self, clause: str) -> Future[Spoken]:
        return self._start(clause, SECONDS)

    def load(self) -> None:
        """Has a word said. Blocks. Raises `EngineError`, `ConfigurationError`."""
        self._aside.start(self._server.check).result()
        self._start("Ready.", LOADING_SECONDS).result()

    def close(self) -> None:
        self._aside.close()

    def _start(self, clause: str, seconds: float) -> Future[Spoken]:
        return self._aside.start(partial(self._say, clause, seconds))

    async def _say(self, clause: str, seconds: float) -> Spoken:
        if not any(letter.isalnum() for letter in clause):
            return Spoken(b"", ())
        body = await self._server.speak(clause, self._voice, seconds=seconds)
        try:
            audio, rate = sound_in(body, self._rate)
        except OddSound as error:
            raise EngineError(f"{self._server.name} {error}") from error
        sound, ends = spoken(clause, audio, rate, [])
        if not sound:
            raise EngineError(f"{self._server.name} sent silence for {clause[:60]!r}")
        return Spoken(sound, tuple(ends))
