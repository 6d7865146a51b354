"""Entries as bytes: msgpack for stores, JSON for exports. It knows the records and nothing of where they are kept.

A map per record, `kind` naming the body. What a newer version wrote is kept: an unknown kind, or a known kind that this
version cannot read, becomes `Unknown` and is encoded again byte for byte. A newer version that adds tags, enum values
or required fields to a known kind therefore raises `entries.VERSION`; an optional field needs no new version.
"""

from typing import Final, get_args

import msgspec

from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.entries import VERSION, Entry, Header, KnownBody, Orphaned, Unknown

MAX_ENTRY_BYTES: Final = 8 << 20
"""Of one entry. All text that may wait for one step takes half of it at most, so nobody meets it by talking."""

KINDS: Final = frozenset(str(body.__struct_config__.tag) for body in get_args(KnownBody))
"""The kinds of bodies that this version knows."""


class _Known(msgspec.Struct, frozen=True):
    header: Header
    body: KnownBody


class _Envelope(msgspec.Struct, frozen=True):
    header: Header
    body: msgspec.Raw


class _Kind(msgspec.Struct, frozen=True):
    kind: str


class _Kept(msgspec.Struct, frozen=True, tag_field="kind", tag="unknown"):
    """An `Unknown` in JSON: `was` its kind, `msgpack` its body in base64."""

    was: str
    msgpack: bytes


class _Exported(msgspec.Struct, frozen=True):
    header: Header
    body: KnownBody | _Kept


_MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_UNWRITABLE = (TypeError, OverflowError, UnicodeEncodeError, RecursionError)

_encoder = msgspec.msgpack.Encoder()
_known = msgspec.msgpack.Decoder(_Known)
_envelope = msgspec.msgpack.Decoder(_Envelope)
_kind = msgspec.msgpack.Decoder(_Kind)
_json_encoder = msgspec.json.Encoder()
_exported = msgspec.json.Decoder(_Exported)


def encode(entry: Entry) -> bytes:
    """An entry in msgpack, read back once, so that nothing enters a log that its readers would stumble over.

    Raises `CorruptRecord` for values that no reader could take: text with lone surrogates, a field of a wrong type,
    more than `MAX_ENTRY_BYTES`.
    """
    body = entry.body
    try:
        raw = _encoder.encode(_Envelope(entry.header, msgspec.Raw(body.raw)) if isinstance(body, Unknown) else entry)
    except _UNWRITABLE as error:
        raise CorruptRecord(f"this entry cannot be written: {error}") from error
    if len(raw) > MAX_ENTRY_BYTES * (2 if isinstance(body, Orphaned) else 1):  # an orphan has an entry inside
        raise CorruptRecord(f"an entry of {len(raw)} bytes is too large: {MAX_ENTRY_BYTES} are kept at most")
    decode(raw)
    return raw


def decode(raw: bytes) -> Entry:
    """The entry in these bytes. Raises `CorruptRecord` if they are none."""
    try:
        known = _known.decode(raw)
    except _MALFORMED as error:
        return _decode_unknown(raw, error)
    return Entry(known.header, known.body)


def _decode_unknown(raw: bytes, reason: Exception) -> Entry:
    try:
        envelope = _envelope.decode(raw)
        kind = _kind.decode(envelope.body).kind
    except _MALFORMED as error:
        raise CorruptRecord(f"{len(raw)} bytes that are not an entry: {error}") from error
    if kind in KINDS and envelope.header.version <= VERSION:
        raise CorruptRecord(f"an entry of kind {kind!r} with a malformed body: {reason}") from reason
    return Entry(envelope.header, Unknown(kind, bytes(envelope.body)))


def to_json(entry: Entry) -> bytes:
    """One line of JSON, for exports. Bytes are base64; the body of an unknown kind is kept as it came."""
    body = entry.body
    if isinstance(body, Unknown):
        return _json_encoder.encode(_Exported(entry.header, _Kept(body.kind, body.raw)))
    return _json_encoder.encode(entry)


def from_json(text: bytes | str) -> Entry:
    """The entry in a line of an export. Raises `CorruptRecord`, also for what a newer version knows and exported."""
    try:
        exported = _exported.decode(text)
    except _MALFORMED as error:
        raise CorruptRecord(f"this JSON is not an entry, or not one that this version can read: {error}") from error
    if isinstance(exported.body, _Kept):
        return decode(encode(Entry(exported.header, Unknown(exported.body.was, exported.body.msgpack))))
    return Entry(exported.header, exported.body)
