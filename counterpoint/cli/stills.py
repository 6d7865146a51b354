"""Pictures of a film as PNG, to be drawn in a page. Knows no page."""

import base64
import struct
import zlib
from collections.abc import Sequence

import msgspec

from counterpoint.shared_context.chunks import VideoChunk


class Still(msgspec.Struct, frozen=True):
    """A picture taken at `at` seconds, as a data URI."""

    at: float
    uri: str


def stills(frames: Sequence[VideoChunk], apart: float) -> list[Still]:
    """The first picture, and from then on the first of every `apart` seconds."""
    found: list[Still] = []
    for frame in frames:
        if not found or frame.media_time >= found[-1].at + apart - 1e-6:
            found.append(Still(frame.media_time, f"data:image/png;base64,{base64.b64encode(png(frame)).decode()}"))
    return found


def png(frame: VideoChunk) -> bytes:
    """Each row as its difference from the one above: what is drawn is much the same from row to row."""
    size = frame.width * 3
    rows = [frame.pixels[start : start + size] for start in range(0, len(frame.pixels), size)]
    above = [bytes(size), *rows]
    filtered = b"".join(
        b"\x02" + bytes((pixel - before) & 255 for pixel, before in zip(row, upper, strict=True))
        for row, upper in zip(rows, above, strict=False)
    )
    head = struct.pack(">IIBBBBB", frame.width, frame.height, 8, 2, 0, 0, 0)
    body = (_part(b"IHDR", head), _part(b"IDAT", zlib.compress(filtered, 9)), _part(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
