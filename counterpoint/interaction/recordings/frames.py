"""The frames of a recording: msgpack, each with its length and a CRC, so that what was cut off or damaged is noticed.

Pure: bytes in, frames out.
"""

from collections.abc import Generator
from struct import Struct
from typing import BinaryIO, Final
from zlib import crc32

import msgspec

from counterpoint.errors import CorruptRecord
from counterpoint.interaction.model import Offer, Perceived, Span, Start
from counterpoint.shared_context.expressed import SILENCE, Expressed
from counterpoint.shared_context.ids import ConversationId, SessionId

VERSION: Final = 1
SUFFIX: Final = ".recording"

_HEAD: Final = Struct("<4sII")
_MAGIC: Final = b"cpr1"
_LONGEST: Final = 1 << 28


class _Frame(msgspec.Struct, frozen=True, tag_field="frame", omit_defaults=True):
    pass


class Begun(_Frame, frozen=True, tag="begun"):
    """The first frame. `fingerprint`: of the model; the same one gives the same outputs."""

    version: int
    conversation: ConversationId
    session: SessionId
    model: str
    fingerprint: str


class StreamOpened(_Frame, frozen=True, tag="stream"):
    """The model began a stream, or failed to."""

    start: Start
    failed: str = ""


class Stepped(_Frame, frozen=True, tag="step"):
    """One step of the newest stream: an early part, or one on the grid. `failed`: why nothing was expressed."""

    span: Span
    perceived: Perceived
    woven: tuple[Offer, ...] = ()
    expressed: Expressed = SILENCE
    failed: str = ""


class Missed(_Frame, frozen=True, tag="missed"):
    """So many frames are missing here: the disk was too slow for them."""

    frames: int


class Ended(_Frame, frozen=True, tag="ended"):
    """The last frame: the session was left. `frames`: how many came before it."""

    frames: int


Frame = Begun | StreamOpened | Stepped | Missed | Ended

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def encode_frame(frame: Frame) -> bytes:
    body = _encoder.encode(frame)
    return _HEAD.pack(_MAGIC, len(body), crc32(body)) + body


def frames_in(file: BinaryIO) -> Generator[Frame, None, None]:
    """The frames of a file. Raises `CorruptRecord` at one that is damaged, cut off, or of a newer version."""
    number = 0
    while head := file.read(_HEAD.size):
        number += 1
        try:
            magic, length, crc = _HEAD.unpack(head)
        except Exception as error:
            raise CorruptRecord(f"the recording is cut off in frame {number}") from error
        if magic != _MAGIC or length > _LONGEST:
            raise CorruptRecord(f"frame {number} is none of a recording of this version")
        body = file.read(length)
        if len(body) < length:
            raise CorruptRecord(f"the recording is cut off in frame {number}")
        if crc32(body) != crc:
            raise CorruptRecord(f"frame {number} is damaged: its checksum is another one")
        yield _decoded(body, number)


def _decoded(body: bytes, number: int) -> Frame:
    try:
        frame = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptRecord(f"frame {number} cannot be read by this version: {error}") from error
    if isinstance(frame, Begun) and frame.version > VERSION:
        raise CorruptRecord(f"the recording has version {frame.version}; this version reads up to {VERSION}")
    return frame
