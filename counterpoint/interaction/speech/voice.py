"""The protocol of a voice: a clause becomes sound with the times of its words. It knows neither models nor beats."""

from concurrent.futures import Future
from typing import Protocol

import msgspec

from counterpoint.config import AUDIO_RATE


class VoiceCapabilities(msgspec.Struct, frozen=True):
    """`rate`: samples per second. `timed`: the synthesizer itself tells when each word ends; else that is estimated."""

    name: str
    rate: int = AUDIO_RATE
    timed: bool = False


class Spoken(msgspec.Struct, frozen=True):
    """`audio`: PCM16 mono; empty if there was nothing to pronounce. `ends`: seconds, one for each word (whatever stands
    between spaces) of the clause.
    """

    audio: bytes
    ends: tuple[float, ...]


class Voice(Protocol):
    @property
    def capabilities(self) -> VoiceCapabilities: ...

    def say(self, clause: str) -> Future[Spoken]:
        """Returns at once; the sound is made elsewhere. Nobody plays it but the caller, who may `cancel` it, or forget
        it. Fails with `EngineError`.
        """
        ...

    def close(self) -> None: ...
