"""The film of `counterpoint demo --watch`: pictures that come as a camera's would, and what is to be seen when."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio
import msgspec

from counterpoint.errors import ConfigurationError
from counterpoint.interaction.session import Session
from counterpoint.shared_context.chunks import VideoChunk

FILM: Final = "film.ppm.gz"
_SIGHTS: Final = "sights.json"

CAMERA_SECONDS: Final = 0.1
"""From when a picture is taken until it is there. Conversations begin with a beat: half a beat later none comes so late
that it would be the next beat's.
"""


class Sight(msgspec.Struct, frozen=True):
    """`what` is to be seen from `begin` to `end`, in seconds of the film."""

    what: str
    begin: float
    end: float


def save_sights(sights: Sequence[Sight], folder: Path) -> None:
    rows = b",\n".join(msgspec.json.encode(each) for each in sights)
    (folder / _SIGHTS).write_bytes(b"[\n" + rows + b"\n]\n")


def load_sights(folder: Path) -> tuple[Sight, ...]:
    """In the order of time. Raises `ConfigurationError`."""
    file = folder / _SIGHTS
    try:
        return msgspec.json.decode(file.read_bytes(), type=tuple[Sight, ...])
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}") from error


async def project(frames: Sequence[VideoChunk], session: Session) -> None:
    """Pushes each as a camera would that is switched on now."""
    start = anyio.current_time() + CAMERA_SECONDS
    for frame in frames:
        await anyio.sleep_until(start + frame.media_time)
        session.push(frame)
