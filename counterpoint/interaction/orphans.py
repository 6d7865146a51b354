"""What a host still held when it was fenced, as it may leave it in the log: readable, never woven, and not too much."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.entries import Entry, Failed
from counterpoint.shared_context.scribe import orphan

MOST_ORPHANS: Final = 256
"""Entries that a fenced host leaves besides those that it was sending; the newest."""

MOST_BYTES: Final = 1 << 20
"""Of all orphans together; of those beyond only their kind is told."""


def given_up(count: int) -> Failed:
    """The first orphan, where there were too many."""
    return Failed("orphans", f"{count} older entries of a host that was taken over from were given up")


def orphans_of(entries: Sequence[Entry]) -> list[Entry]:
    """Each with its own number. What is too large, or can never be written, is named instead."""
    orphans: list[Entry] = []
    room = MOST_BYTES
    for entry in entries:
        size = _size(entry)
        fits = 0 < size <= room
        room -= size if fits else 0
        orphans.append(orphan(entry if fits else _named(entry)))
    return orphans


def _size(entry: Entry) -> int:
    """Bytes in the log; 0 for what cannot be written."""
    try:
        return len(encode(entry))
    except CorruptRecord:
        return 0


def _named(entry: Entry) -> Entry:
    return replace(entry, body=Failed("orphans", f"a {type(entry.body).__name__} is left out"))
