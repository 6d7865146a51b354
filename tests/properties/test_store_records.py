"""Whatever can be in an entry survives the way to bytes and back, and whatever is not an entry is refused."""

import enum
import types
import typing
from typing import Any, get_args, get_origin

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.codec import decode, encode, from_json, to_json
from counterpoint.shared_context.entries import VERSION, Entry, Header, KnownBody, Unknown

untimed = settings(deadline=None)

LEAVES: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=20),
    bytes: st.binary(max_size=20),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    type(None): st.none(),
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of the type of a record's field."""
    kind = getattr(kind, "__supertype__", kind)
    if kind in LEAVES:
        return LEAVES[kind]
    if get_origin(kind) is tuple:
        return st.lists(values(get_args(kind)[0]), max_size=3).map(tuple)
    if get_origin(kind) is dict:
        return st.dictionaries(*map(values, get_args(kind)), max_size=3)
    if get_origin(kind) in (types.UnionType, typing.Union):
        return st.one_of([values(each) for each in get_args(kind)])
    if issubclass(kind, enum.Enum):
        return st.sampled_from(kind)
    fields = {field.encode_name: values(field.type) for field in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def unknown_bodies(draw: st.DrawFn) -> Unknown:
    kind = "x-" + draw(st.text(max_size=8))
    fields = draw(st.dictionaries(st.text(max_size=5).filter(lambda name: name != "kind"), plain, max_size=4))
    before = draw(st.booleans())
    return Unknown(kind, msgspec.msgpack.encode({"kind": kind} | fields if before else fields | {"kind": kind}))


known = st.builds(Entry, values(Header), values(KnownBody))
entries = known | st.builds(Entry, values(Header), unknown_bodies())


@untimed
@given(entries)
def test_every_entry_survives_the_way_to_bytes_and_back(entry: Entry) -> None:
    raw = encode(entry)
    assert decode(raw) == entry
    assert encode(decode(raw)) == raw


@untimed
@given(entries)
def test_every_entry_survives_an_export(entry: Entry) -> None:
    assert from_json(to_json(entry)) == entry


@untimed
@given(known, st.text(max_size=5).filter(lambda name: name != "kind"), plain)
def test_what_a_newer_version_adds_is_passed_over_or_kept(entry: Entry, name: str, value: object) -> None:
    written = msgspec.msgpack.decode(encode(entry))
    written["header"]["version"] = VERSION + 1
    written["body"][name] = value
    read = decode(msgspec.msgpack.encode(written))
    assert read.header == msgspec.structs.replace(entry.header, version=VERSION + 1)
    if isinstance(read.body, Unknown):
        assert msgspec.msgpack.decode(read.body.raw) == written["body"]
    else:
        assert type(read.body) is type(entry.body)


@untimed
@given(st.binary(max_size=60))
def test_arbitrary_bytes_are_no_entry(raw: bytes) -> None:
    try:
        decode(raw)
    except CorruptRecord:
        return
    raise AssertionError("these bytes were taken for an entry")


@untimed
@given(entries, st.data())
def test_damaged_entries_are_refused_or_still_readable(entry: Entry, data: st.DataObject) -> None:
    raw = bytearray(encode(entry))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = decode(bytes(raw))
    except CorruptRecord:
        return
    assert encode(decode(encode(read))) == encode(read)
