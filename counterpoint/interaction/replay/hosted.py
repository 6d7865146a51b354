"""The sessions in a log: what each host wrote, in the order in which it decided it. Pure; it replays nothing."""

from collections.abc import Sequence

import msgspec

from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.codec import decode
from counterpoint.shared_context.endings import STORE
from counterpoint.shared_context.entries import (
    Closed,
    Degraded,
    Entry,
    Failed,
    Header,
    Left,
    Opened,
    Orphaned,
    Recovered,
    Role,
    Stored,
    Unknown,
)
from counterpoint.shared_context.ids import Position, WriterId


class Hosted(msgspec.Struct, frozen=True):
    """One host's session: its own entries in order, orphaned ones unwrapped. `broken`: why it is not known what the
    host wrote after them; empty if the log has all of it.
    """

    writer: WriterId
    epoch: int
    entries: tuple[Stored, ...]
    broken: str = ""

    @property
    def left(self) -> bool:
        """It came to an end in order: all that it did is in the log."""
        return any(isinstance(stored.entry.body, Left | Closed) for stored in self.entries)

    @property
    def set_back(self) -> str:
        """What became of the log while it was hosted; empty if nothing did."""
        bodies = (stored.entry.body for stored in self.entries)
        return next((body.reason for body in bodies if isinstance(body, Failed) and body.what == "store"), "")

    @property
    def opened(self) -> Opened | None:
        first = self.entries[0].entry.body if self.entries else None
        return first if isinstance(first, Opened) else None


def sessions_of(log: Sequence[Stored]) -> list[Hosted]:
    """In the order in which they were opened."""
    own: dict[tuple[WriterId, int], list[Stored]] = {}
    for stored in log:
        header = stored.entry.header
        if header.role is Role.HOST and header.writer != STORE:
            own.setdefault((header.writer, header.epoch), []).append(_unwrapped(stored))
    return [_session(writer, epoch, entries) for (writer, epoch), entries in own.items()]


def _session(writer: WriterId, epoch: int, entries: list[Stored]) -> Hosted:
    entries.sort(key=_seq)
    known: list[Stored] = []
    for number, stored in enumerate(entries, start=1):
        reason = _breaks(stored, number, known)
        if reason:
            return Hosted(writer, epoch, tuple(_whole(known, stored)), reason)
        known.append(stored)
    return Hosted(writer, epoch, tuple(known))


def _breaks(stored: Stored, number: int, known: Sequence[Stored]) -> str:
    """Why this entry, or one before it, hides what the host decided."""
    header, body = stored.entry.header, stored.entry.body
    if number == 1 and not isinstance(body, Opened):
        return f"its beginning was trimmed: the log begins at position {stored.position}"
    if header.seq != number + _offset(known):
        return f"entries are missing before position {stored.position}"
    match body:
        case Recovered(given_up=given_up) if given_up:
            return f"{given_up} entries were given up while the store could not be written"
        case Failed(what="journal" | "orphans", reason=reason):
            return reason
        case Unknown(kind=kind):
            return f"an entry of kind {kind!r}, which this version does not know"
        case _:
            return ""


def _whole(known: list[Stored], at: Stored) -> list[Stored]:
    """What was given up is missing anywhere since the store was lost."""
    if not isinstance(at.entry.body, Recovered):
        return known
    lost = [index for index, each in enumerate(known) if isinstance(each.entry.body, Degraded)]
    return known[: lost[-1]] if lost else known


def _offset(known: Sequence[Stored]) -> int:
    return known[0].entry.header.seq - 1 if known else 0


def _unwrapped(stored: Stored) -> Stored:
    """What a fenced host still held, as it would have written it."""
    body = stored.entry.body
    if not isinstance(body, Orphaned):
        return stored
    try:
        held = decode(body.raw)
    except CorruptRecord:
        return stored
    return Stored(stored.position, Entry(_with_seq(held.header, stored.entry.header.seq), held.body))


def _with_seq(header: Header, seq: int) -> Header:
    return msgspec.structs.replace(header, seq=seq)


def _seq(stored: Stored) -> int:
    return stored.entry.header.seq


def by_position(log: Sequence[Stored]) -> dict[Position, Stored]:
    return {stored.position: stored for stored in log}
