"""What a person (or an application) pushes: one modality's content each. Media carry their own clock."""

import msgspec

from counterpoint.config import AUDIO_RATE


class TextChunk(msgspec.Struct, frozen=True, tag="text", omit_defaults=True):
    """Text of the person: typed, or words recognised by somebody else's ears.

    `typed`: keys arrive with `done=False` and hold the floor; the chunk that ends the input has `done=True` and
    may be empty. With `typed=False` each chunk is spoken in the beat in which it arrives.
    """

    text: str
    done: bool = True
    typed: bool = True


class AudioChunk(msgspec.Struct, frozen=True, tag="audio", omit_defaults=True):
    """PCM16 mono little-endian samples at `rate` samples per second; `media_time` in seconds of the sender's clock."""

    samples: bytes
    seq: int
    media_time: float
    rate: int = AUDIO_RATE


class VideoChunk(msgspec.Struct, frozen=True, tag="video", omit_defaults=True):
    """One RGB frame: `height * width * 3` bytes, row by row; `media_time` in seconds of the sender's clock."""

    pixels: bytes
    width: int
    height: int
    seq: int
    media_time: float


Chunk = TextChunk | AudioChunk | VideoChunk
