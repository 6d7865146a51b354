"""A conversation as one portable text: JSON lines between a head and an end that counts and sums up what is before it.

Pure: it makes and reads lines, and knows neither files nor stores. Every line is checked as it is read, so that a text
that was cut off, changed or written by a newer version is told from a whole one.
"""

from hashlib import sha256
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.codec import decode, encode, from_json, to_json
from counterpoint.shared_context.entries import Asked, Entry, Opened, Orphaned, Stored
from counterpoint.shared_context.ids import ConversationId, Position
from counterpoint.shared_context.store import MediaObject, Snapshot

VERSION: Final = 1
"""Of the lines that this code writes."""


class Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first line."""

    counterpoint: Literal["conversation"]
    version: int
    conversation: ConversationId
    snapshot: Snapshot | None = None


class End(msgspec.Struct, frozen=True):
    """The last line: how many entries and media objects are before it, and the SHA-256 of all lines before it."""

    entries: int
    media: int
    sha256: str


class _EndLine(msgspec.Struct, frozen=True):
    end: End


class _MediaLine(msgspec.Struct, frozen=True):
    media: MediaObject


class _EntryLine(msgspec.Struct, frozen=True):
    position: int
    header: msgspec.Raw
    body: msgspec.Raw


class _Version(msgspec.Struct, frozen=True):
    counterpoint: Literal["conversation"]
    version: int


Line = Head | Stored | MediaObject | End

_GREATEST: Final = 1 << 52
"""Every store counts exactly up to there."""

_MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class LineWriter:
    """The lines of one conversation, in the order in which they are asked for: head, entries, media, end."""

    def __init__(self) -> None:
        self._sum = sha256()
        self.entries = 0
        self.media = 0

    def head(self, conversation: ConversationId, snapshot: Snapshot | None) -> bytes:
        return self._line(msgspec.json.encode(Head("conversation", VERSION, conversation, snapshot)))

    def entry(self, stored: Stored) -> bytes:
        self.entries += 1
        return self._line(entry_line(stored))

    def object(self, media: MediaObject) -> bytes:
        self.media += 1
        return self._line(msgspec.json.encode(_MediaLine(media)))

    def end(self) -> bytes:
        return msgspec.json.encode(_EndLine(End(self.entries, self.media, self._sum.hexdigest()))) + b"\n"

    def _line(self, text: bytes) -> bytes:
        line = text + b"\n"
        self._sum.update(line)
        return line


class LineReader:
    """Give it every line. Raises `CorruptRecord`, with its number, for what is not the next line of an export."""

    def __init__(self) -> None:
        self._sum = sha256()
        self._number = 0
        self._entries = 0
        self._media = 0
        self._next: int | None = None
        self._head: Head | None = None
        self._end: End | None = None

    def read(self, line: bytes) -> Line:
        self._number += 1
        try:
            read = self._read(line)
        except (*_MALFORMED, CorruptRecord) as error:
            raise CorruptRecord(f"line {self._number}: {error}") from error
        self._sum.update(line)
        return read

    def finish(self) -> Head:
        """There are no more lines. The head, if that was all of an export."""
        if self._head is None:
            raise CorruptRecord("this is not an export of a conversation: it is empty")
        if self._end is None:
            raise CorruptRecord(f"the export was cut off after line {self._number}: its end is missing")
        return self._head

    def _read(self, line: bytes) -> Line:
        if self._end is not None:
            raise CorruptRecord("nothing comes after the end of an export")
        if self._head is None:
            self._head = _head(line)
            return self._head
        if line.startswith(b'{"position":'):
            return self._entry(line)
        if line.startswith(b'{"media":'):
            self._media += 1
            return msgspec.json.decode(line, type=_MediaLine).media
        self._end = self._checked(msgspec.json.decode(line, type=_EndLine).end)
        return self._end

    def _entry(self, line: bytes) -> Stored:
        read = msgspec.json.decode(line, type=_EntryLine)
        if self._next not in (None, read.position):
            raise CorruptRecord(f"the entry of position {self._next} is missing")
        self._next = read.position + 1
        self._entries += 1
        header, body = bytes(read.header), bytes(read.body)
        entry = from_json(b'{"header":' + header + b',"body":' + body + b"}")
        if not all(0 < number < _GREATEST for number in (read.position, entry.header.epoch, entry.header.seq)):
            raise CorruptRecord("its position, epoch or number is none that a store counts")
        return Stored(Position(read.position), entry)

    def _checked(self, end: End) -> End:
        if (end.entries, end.media) != (self._entries, self._media):
            raise CorruptRecord(f"{end.entries} entries and {end.media} media objects were exported, not all are here")
        if end.sha256 != self._sum.hexdigest():
            raise CorruptRecord("the lines before it are not those that were exported")
        return end


def entry_line(stored: Stored) -> bytes:
    """One entry with its position, as a JSON object without a line end."""
    return b'{"position":%d,' % stored.position + to_json(stored.entry)[1:]


def renamed(stored: Stored, conversation: ConversationId) -> Stored:
    """The entry as one of another conversation."""
    return Stored(stored.position, _renamed(stored.entry, conversation), stored.stamp)


def _renamed(entry: Entry, conversation: ConversationId) -> Entry:
    match entry.body:
        case Asked(delegation=delegation):
            return Entry(entry.header, Asked(replace(delegation, conversation=conversation)))
        case Opened(token=token) if token is not None:
            return Entry(entry.header, replace(entry.body, token=replace(token, conversation=conversation)))
        case Orphaned(raw=raw):
            return Entry(entry.header, Orphaned(encode(_renamed(decode(raw), conversation))))
        case _:
            return entry


def _head(line: bytes) -> Head:
    try:
        version = msgspec.json.decode(line, type=_Version).version
    except _MALFORMED as error:
        raise CorruptRecord(f"this is not an export of a conversation: {error}") from error
    if version > VERSION:
        raise CorruptRecord(f"the export has version {version}; this version reads up to {VERSION}")
    return msgspec.json.decode(line, type=Head)
