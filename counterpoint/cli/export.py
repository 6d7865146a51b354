"""`counterpoint export` and `counterpoint import`: one conversation as one file, and back.

What people said is in it.
"""

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import anyio
import anyio.to_thread
import msgspec

from counterpoint.cli.options import kept_elsewhere
from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.transfer import Moved, adopt, export

T = TypeVar("T")

LINES_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 4 << 20


class ExportOptions(msgspec.Struct, frozen=True):
    """As on the command line."""

    conversation: str
    store: str
    file: str
    media: bool = False


class ImportOptions(msgspec.Struct, frozen=True):
    """As on the command line; `name`: the new id, if it gets one."""

    file: str
    store: str
    name: str | None = None


async def export_to_file(options: ExportOptions) -> None:
    """The file appears when it is whole, and is readable by its owner alone. One that is there is not replaced."""
    path = Path(options.file)
    partial = path.with_name(f"{path.name}.partial")
    if await anyio.Path(path).exists():
        raise ConfigurationError(f"{path} is there already: name another file")
    file = await _thread(lambda: _create(partial))
    try:
        async with connect(kept_elsewhere(options.store)) as store:
            moved = await export(
                store,
                ConversationId(options.conversation),
                lambda lines: _thread(lambda: file.write(lines)),
                media=options.media,
            )
        await _thread(lambda: _finish(file, partial, path))
    finally:
        with anyio.CancelScope(shield=True):
            await _thread(lambda: _discard(file, partial))
    print(f"exported {_told(moved)} to {path}")


async def import_from_file(options: ImportOptions) -> None:
    path = Path(options.file)
    if not await anyio.Path(path).is_file():
        raise ConfigurationError(f"{path} is not a file")
    name = None if options.name is None else ConversationId(options.name)
    async with connect(kept_elsewhere(options.store)) as store:
        moved = await adopt(store, lambda: lines_of(path), name=name)
    state = "closed" if moved.closed else "open: it can be hosted again"
    print(f"imported {_told(moved)} as {moved.conversation!r} ({state})")


async def lines_of(path: Path) -> AsyncGenerator[Sequence[bytes], None]:
    """Some lines at a time, read in a thread."""
    file = await _thread(lambda: path.open("rb"))
    try:
        while lines := await _thread(lambda: _some(file)):
            yield lines
    finally:
        with anyio.CancelScope(shield=True):
            await _thread(file.close)


def _some(file: BinaryIO) -> list[bytes]:
    lines, size = list[bytes](), 0
    while len(lines) < LINES_AT_ONCE and size < BYTES_AT_ONCE and (line := file.readline()):
        lines.append(line)
        size += len(line)
    return lines


def _create(path: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error


def _finish(file: BinaryIO, partial: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    partial.rename(path)


def _discard(file: BinaryIO, partial: Path) -> None:
    file.close()
    with suppress(FileNotFoundError):
        partial.unlink()


def _told(moved: Moved) -> str:
    media = f" and {moved.media} media objects" if moved.media else ""
    return f"{moved.entries} entries{media}"


async def _thread(work: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(work)
