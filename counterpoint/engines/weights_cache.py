"""Folders of converted weights, made once and kept. It knows nothing of models.

A folder appears under its name whole or not at all, whoever else is at work, and carries a manifest with the digest of
every file: what is missing, half written or damaged is made anew.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.dates import now

MANIFEST = "manifest.json"
ABANDONED_SECONDS = 86_400.0
"""Age at which somebody's half-made folder is cleared away."""


class Manifest(msgspec.Struct, frozen=True):
    """`source`: what the files were made from, in any words. `files`: SHA-256 by name, in hexadecimal."""

    source: str
    files: dict[str, str]


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    if own := environment.get("COUNTERPOINT_CACHE"):
        return Path(own)
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "counterpoint"


def kept_folder(folder: Path, source: str, make: Callable[[Path], None]) -> Path:
    """The folder, made first by `make` (which gets an empty one to fill) unless it is there and intact. Blocks.

    Raises `ConfigurationError` if it cannot be kept there.
    """
    if intact(folder, source):
        return folder
    root = folder.parent
    try:
        root.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(root)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=root, ignore_cleanup_errors=True) as made:
            new = Path(made) / folder.name
            new.mkdir()
            make(new)
            files = {file.name: _digest(file) for file in sorted(new.iterdir())}
            (new / MANIFEST).write_bytes(msgspec.json.encode(Manifest(source, files)))
            _put(new, folder, source)
    except OSError as error:
        raise ConfigurationError(
            f"converted weights cannot be kept in {root}: {error}; COUNTERPOINT_CACHE names another folder for them"
        ) from error
    return folder


def intact(folder: Path, source: str) -> bool:
    """Whether every file is there, as it was when it was made from this source."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        return manifest.source == source and all(
            _digest(folder / name) == digest for name, digest in manifest.files.items()
        )
    except (OSError, msgspec.MsgspecError):
        return False


def _put(new: Path, folder: Path, source: str) -> None:
    """Give the new folder its name; of several processes at it one wins, and all find an intact folder."""
    for _ in range(10):
        try:
            new.rename(folder)
        except OSError:
            if intact(folder, source):
                return
            _set_aside(folder)
        else:
            return
    new.rename(folder)


def _set_aside(folder: Path) -> None:
    aside = Path(tempfile.mkdtemp(prefix=".broken-", dir=folder.parent))
    try:
        folder.rename(aside / folder.name)
    except FileNotFoundError:
        pass  # another process was faster
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _clear_abandoned(root: Path) -> None:
    for leftover in (*root.glob(".making-*"), *root.glob(".broken-*")):
        try:
            old = leftover.stat().st_mtime < now() - ABANDONED_SECONDS
        except OSError:
            continue
        if old:
            shutil.rmtree(leftover, ignore_errors=True)


def _digest(file: Path) -> str:
    with file.open("rb") as contents:
        return hashlib.file_digest(contents, "sha256").hexdigest()
