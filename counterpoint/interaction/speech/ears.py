"""The protocol of ears: sound becomes timed words, beat by beat. It knows neither models nor turns."""

from typing import Protocol

import msgspec

from counterpoint.config import AUDIO_RATE


class EarsCapabilities(msgspec.Struct, frozen=True):
    """`rate`: samples per second that they want to hear."""

    name: str
    rate: int = AUDIO_RATE


class HeardWord(msgspec.Struct, frozen=True):
    """`start`, `end`: seconds of sound since the hearing began. `text`: without spaces, with its punctuation."""

    text: str
    start: float
    end: float


class Heard(msgspec.Struct, frozen=True):
    """What has become known since the last time. `words` are for good; `tail` may be revised. `speaking`: the person's
    voice was heard last. `failed`: what could not be heard, and why, for the record.
    """

    words: tuple[HeardWord, ...] = ()
    tail: str = ""
    speaking: bool = False
    failed: str = ""


class Hearing(Protocol):
    """One conversation's ears."""

    def hear(self, audio: bytes) -> Heard:
        """Take the next piece of sound (PCM16 mono). Never waits: what it comes to may be told by a later call."""
        ...

    def close(self) -> None: ...


class Ears(Protocol):
    @property
    def capabilities(self) -> EarsCapabilities: ...

    def open(self) -> Hearing: ...

    def close(self) -> None: ...
