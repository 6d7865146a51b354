"""The files of a folder that may be documents, and their text. Blocking: use it in worker threads.

Nothing in a folder makes it fail: what cannot be read is skipped, with the reason.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from counterpoint.errors import ToolError

MAX_BYTES = 2_000_000
"""Of one document; what is longer is a data set or a log, not something to quote from."""

MAX_FILES = 50_000

_IGNORED = {"node_modules", "__pycache__"}
"""Folders that nobody means when they say "documents", besides all whose name begins with a dot."""

_NO_TEXT = (b"%PDF-", b"PK\x03\x04", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"\x1f\x8b", b"\x7fELF")

_STRANGE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")
"""Characters that text hardly has: more than one in twenty, and it is none."""


class Skipped(msgspec.Struct, frozen=True, order=True):
    """`path`: below the folder, with forward slashes."""

    path: str
    reason: str


class Found(msgspec.Struct, frozen=True):
    """A file as it was when the folder was read: if `changed` (ns since 1970) or `size` differ, it is another one."""

    path: str
    changed: int
    size: int


class NotTextError(ToolError):
    """A file that holds no text. It is not read again until it changes."""


def walk(folder: Path) -> Iterator[Found | Skipped]:
    """Raises `OSError` if the folder itself cannot be read."""
    root = folder.resolve(strict=True)
    waiting, found = [root], 0
    while waiting:
        inside = waiting.pop()
        try:
            entries = sorted(os.scandir(inside), key=lambda entry: entry.name)
        except OSError as error:
            if inside == root:
                raise
            yield Skipped(_below(root, inside), _why(error))
            continue
        for entry in entries:
            if entry.name.startswith(".") or entry.name in _IGNORED:
                continue
            if (seen := _seen(root, entry)) is None:
                continue
            if isinstance(seen, Path):
                waiting.append(seen)
                continue
            found += 1
            if found > MAX_FILES:
                yield Skipped(_below(root, root), f"more than {MAX_FILES} files; the rest was not read")
                return
            yield seen


def _seen(root: Path, entry: "os.DirEntry[str]") -> Found | Skipped | Path | None:
    """None: a link to something in the folder, which is read where it is."""
    path = Path(entry.path)
    name = _below(root, path)
    try:
        if entry.is_symlink():
            inside = path.resolve(strict=True).is_relative_to(root)
            return None if inside else Skipped(name, "links out of the folder")
        if entry.is_dir(follow_symlinks=False):
            return path
        state = entry.stat(follow_symlinks=False)
    except (OSError, RuntimeError) as error:
        return Skipped(name, _why(error))
    if not stat.S_ISREG(state.st_mode):
        return Skipped(name, "not a regular file")
    if state.st_size > MAX_BYTES:
        return Skipped(name, f"larger than {MAX_BYTES // 1_000_000} MB")
    if name != entry.path[len(str(root)) + 1 :].replace(os.sep, "/"):
        return Skipped(name, "its name is not text")
    return Found(name, state.st_mtime_ns, state.st_size)


def read_text(folder: Path, path: str) -> str:
    """Raises `NotTextError` if it is no text, `OSError` if it cannot be read now."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(folder / path, flags), "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise NotTextError(f"larger than {MAX_BYTES // 1_000_000} MB")
    return decoded(data)


def decoded(data: bytes) -> str:
    """UTF-8, UTF-16 with its mark, or else Windows-1252, which Latin-1 text reads as. Raises `NotTextError`."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = data.decode("utf-16", "replace")
    elif b"\0" in data or data.startswith(_NO_TEXT):
        raise NotTextError("binary")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    if not is_text(text):
        raise NotTextError("binary")
    return text


def is_text(text: str) -> bool:
    return len(_STRANGE.findall(text)) <= len(text) // 20


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix().encode("utf-8", "replace").decode("utf-8")


def _why(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"unreadable: {reason}"
