"""Pictures of an item: a file of portable pixmaps (P6, eight bits) one after the other, as
`ffmpeg -i clip.mp4 -vf fps=5 -f image2pipe -c:v ppm frames.ppm` writes them; or that file in gzip, if it is called
`.gz`.
"""

import gzip
import re
import zlib
from pathlib import Path
from typing import Final

from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.chunks import VideoChunk

_HEAD: Final = re.compile(rb"P6(?:\s+|#[^\n]*\n)+(\d{1,5})(?:\s+|#[^\n]*\n)+(\d{1,5})(?:\s+|#[^\n]*\n)+255\s")


def read_frames(path: Path, rate: float) -> list[VideoChunk]:
    """`rate`: frames per second. Raises `ConfigurationError`."""
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    frames: list[VideoChunk] = []
    place = 0
    while place < len(data):
        head = _HEAD.match(data, place)
        width, height = (int(head[1]), int(head[2])) if head else (0, 0)
        size = 3 * width * height
        if head is None or not size or head.end() + size > len(data):
            raise ConfigurationError(f"{path}: picture {len(frames)} is no whole P6 pixmap of eight bits")
        pixels = data[head.end() : head.end() + size]
        frames.append(VideoChunk(pixels, width, height, len(frames), len(frames) / rate))
        place = head.end() + size
    if not frames:
        raise ConfigurationError(f"{path} has no pictures")
    return frames
