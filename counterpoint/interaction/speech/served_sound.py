"""The sound that a server sent, as PCM16 mono: of WAV, also one that was streamed, or of bare samples. Pure."""

import re
import struct
from array import array
from typing import Final

import msgspec

from counterpoint.engines.http.speech_server import SoundBody
from counterpoint.errors import EngineError

PCM_RATE: Final = 24_000
"""Of bare samples, where the server does not say: OpenAI's."""

RATES: Final = range(8_000, 192_001)

_MAGIC: Final = {b"ID3": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC", b"\x1aE\xdf\xa3": "WebM", b"{": "JSON", b"<": "a page"}
_INTEGERS, _FLOATS, _EXTENSIBLE = 1, 3, 0xFFFE
_UNKNOWN_SIZES: Final = (0, 0x7FFFFFFF, 0xFFFFFFFF)


class OddSound(EngineError):
    """What it sent, and why that cannot be played."""


class _Layout(msgspec.Struct, frozen=True):
    kind: int
    channels: int
    rate: int
    bits: int


def sound_in(body: SoundBody, rate: int) -> tuple[bytes, int]:
    """Samples and how many there are per second; `rate`: of bare ones. Raises `OddSound`."""
    data = body.data
    if not data:
        raise OddSound("sent no sound")
    if data.startswith(b"RIFF") and data[8:12] == b"WAVE":
        return _wav(data)
    mp3 = len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2 and "mpeg" in body.kind
    known = "MP3" if mp3 else next((name for magic, name in _MAGIC.items() if data.startswith(magic)), None)
    bare = body.asked == "pcm" or re.search(r"(?i)pcm|/l16|octet-stream", body.kind) is not None
    if (known and known not in ("JSON", "a page")) or not bare or "json" in body.kind:
        what = known or body.kind or "something"
        raise OddSound(f"sent {what} where {body.asked} was asked for; WAV (16 bits) and PCM can be played")
    told = re.search(r"(?i)rate=(\d+)", body.kind)
    return data[: len(data) & ~1], _usable(int(told.group(1)) if told else rate)


def _wav(data: bytes) -> tuple[bytes, int]:
    layout: _Layout | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        at += 8
        if name == b"fmt ":
            layout = _layout(data[at : at + size])
        if name == b"data":
            if layout is None:
                break
            if size not in _UNKNOWN_SIZES and at + size > len(data):
                raise OddSound(f"sent {len(data) - at} bytes of sound where {size} were announced")
            samples = data[at:] if size in _UNKNOWN_SIZES else data[at : at + size]
            return _mono(samples, layout), _usable(layout.rate)
        at += size + size % 2
    raise OddSound("sent a WAV file without sound, or a broken one")


def _layout(chunk: bytes) -> _Layout:
    if len(chunk) < 16:
        raise OddSound("sent a broken WAV file")
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == _EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]
    if (kind, bits) not in ((_INTEGERS, 16), (_FLOATS, 32)) or not 1 <= channels <= 8:
        raise OddSound(
            f"sent a WAV file of kind {kind} with {bits} bits and {channels} channels; PCM of 16 bits is played"
        )
    return _Layout(kind, channels, rate, bits)


def _mono(data: bytes, layout: _Layout) -> bytes:
    frame = layout.channels * layout.bits // 8
    whole = data[: len(data) // frame * frame]
    if layout.kind == _FLOATS:
        floats = array("f", whole)
        samples = array("h", (round(max(-1.0, min(each, 1.0)) * 32_767) for each in floats))
    else:
        samples = array("h", whole)
    if layout.channels == 1:
        return samples.tobytes()
    parts = [samples[channel :: layout.channels] for channel in range(layout.channels)]
    return array("h", (sum(frame) // len(frame) for frame in zip(*parts, strict=True))).tobytes()


def _usable(rate: int) -> int:
    if rate not in RATES:
        raise OddSound(f"sent sound of {rate} samples per second")
    return rate
