"""Ears and a voice behind an OpenAI-compatible server: `/audio/transcriptions` and `/audio/speech`.

What the server refuses is asked in another way if that is known to help, and after a pause if it may pass; both only
while nothing of the answer has come. It knows sound as bytes.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, TypeVar, cast

import anyio
import msgspec

from counterpoint.engines.http.address import Address
from counterpoint.engines.http.endpoint import Asker, Endpoint
from counterpoint.engines.http.faults import ServerFault, pause_before
from counterpoint.engines.http.key import Key
from counterpoint.engines.http.quirks import SpeechQuirks, adjusted_sound, adjusted_transcription, known_speech_quirks
from counterpoint.engines.http.reading import beginning
from counterpoint.engines.http.transcript import NoTranscript, Transcript, transcript_of

logger = logging.getLogger(__name__)

T = TypeVar("T")
Adjusted = Callable[[SpeechQuirks, str], SpeechQuirks | None]

READ_SECONDS: Final = 120.0
"""How long a server may send nothing at all: some load a model first. Who waits for less says so with each request."""

LONGEST_SOUND: Final = 6_000_000
"""Bytes of sound that are taken for one clause: two minutes of it."""


class SoundBody(msgspec.Struct, frozen=True):
    """`kind`: its content type. `asked`: the format that was asked for."""

    data: bytes
    kind: str
    asked: str


class SpeechServer(Asker):
    """One event loop at a time."""

    def __init__(self, address: Address, key: Key | None, *, quirks: SpeechQuirks | None = None) -> None:
        super().__init__(Endpoint(address, key, read_seconds=READ_SECONDS))
        self._quirks = quirks or known_speech_quirks(address.model)

    async def check(self) -> None:
        """Raises `ServerFault` if no server answers, `ConfigurationError` if it wants another key."""
        await self._endpoint.cards()

    async def transcribe(self, wav: bytes, *, language: str = "", seconds: float) -> Transcript:
        """`seconds`: for all tries together. Raises `ServerFault`, `ConfigurationError`."""
        return await self._tried(lambda: self._transcribe(wav, language), adjusted_transcription, seconds)

    async def speak(self, text: str, voice: str, *, seconds: float) -> SoundBody:
        """The whole sound; being cancelled meanwhile stops the server. As `transcribe`."""
        return await self._tried(lambda: self._speak(text, voice), adjusted_sound, seconds)

    async def _transcribe(self, wav: bytes, language: str) -> Transcript:
        form: dict[str, Any] = {"model": self.address.model, "temperature": "0"}
        form["response_format"] = self._quirks.transcription
        if self._quirks.word_times:
            form["timestamp_granularities[]"] = ["word", "segment"]
        if language:
            form["language"] = language
        sound = {"file": ("speech.wav", wav, "audio/wav")}
        async with self._endpoint.post("/audio/transcriptions", data=form, files=sound) as response:
            body = await beginning(response)
        try:
            return transcript_of(body)
        except NoTranscript as error:
            raise ServerFault(f"{self.name} {self._endpoint.hidden(str(error))}") from error

    async def _speak(self, text: str, voice: str) -> SoundBody:
        asked = self._quirks.sound
        body = {"model": self.address.model, "input": text, "voice": voice, "response_format": asked}
        sound = bytearray()
        try:
            async with self._endpoint.post("/audio/speech", content=msgspec.json.encode(body)) as response:
                kind = response.headers.get("content-type", "")
                async with aclosing(cast("AsyncGenerator[bytes, None]", response.aiter_bytes())) as received:
                    async for part in received:
                        sound += part
                        if len(sound) > LONGEST_SOUND:
                            break
        except ServerFault as fault:
            if sound:
                raise ServerFault(f"{fault}, in the middle of the sound", said=fault.said) from fault
            raise
        if len(sound) > LONGEST_SOUND:
            raise ServerFault(f"{self.name} sends sound without end")
        return SoundBody(bytes(sound), kind, asked)

    async def _tried(self, once: Callable[[], Awaitable[T]], adjusted: Adjusted, seconds: float) -> T:
        with anyio.move_on_after(seconds) as scope:
            return await self._again_and_again(once, adjusted, scope.deadline)
        raise ServerFault(f"{self.name} did not answer in {seconds:g} s", temporary=True)

    async def _again_and_again(self, once: Callable[[], Awaitable[T]], adjusted: Adjusted, until: float) -> T:
        tries = 0
        while True:
            try:
                return await once()
            except ServerFault as fault:
                quirks = adjusted(self._quirks, fault.said)
                if quirks is not None:
                    logger.info("%s: asked in another way, because it said: %s", self.name, fault.said)
                    self._quirks = quirks
                    continue
                tries += 1
                pause = pause_before(tries, fault, self._chance.random())
                if pause is None or anyio.current_time() + pause > until:
                    raise await self._endpoint.explained(fault, self.address.model) from fault
            await anyio.sleep(pause)
