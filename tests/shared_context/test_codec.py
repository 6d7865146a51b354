import msgspec
import pytest

from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.codec import KINDS, decode, encode, from_json, to_json
from counterpoint.shared_context.entries import (
    VERSION,
    Degraded,
    Entry,
    Header,
    NoteLaid,
    Orphaned,
    Role,
    Turn,
    Unknown,
)
from counterpoint.shared_context.ids import Beat, NoteId, Position, WriterId
from counterpoint.shared_context.notes import Note, NoteKind, Source

HEADER = Header(Role.WORKER, WriterId("w1"), 3, 17, 1.8e9, Beat(40), Position(12), "00-4bf92f35-00f067aa-01")
ENTRY = Entry(HEADER, NoteLaid(Note(NoteId("n1"), NoteKind.RESULT, "10:14, Gleis 3 🚆", sources=(Source("a.md"),))))

NEWER = {"role": "host", "writer": "h", "epoch": 1, "seq": 1, "at": 2.0, "version": VERSION + 1}
SAME = {**NEWER, "version": VERSION}


def packed(header: object, body: object) -> bytes:
    return msgspec.msgpack.encode({"header": header, "body": body})


def test_an_entry_survives_the_way_to_bytes_and_back() -> None:
    assert decode(encode(ENTRY)) == ENTRY


def test_bytes_written_by_the_first_version_are_still_read() -> None:
    written = bytes.fromhex(
        "82a668656164657285a4726f6c65a4686f7374a677726974657"
        "2a168a565706f636801a373657101a26174cb4000000000000000a4626f647982a46b696e64a86465677261646564a6726561736f6ea4676f6e65"
    )
    assert decode(written) == Entry(Header(Role.HOST, WriterId("h"), 1, 1, 2.0), Degraded("gone"))


def test_empty_fields_take_no_room() -> None:
    assert len(encode(Entry(Header(Role.HOST, WriterId("h"), 1, 1, 2.0), Turn()))) < 80


def test_an_unknown_kind_is_kept_and_written_again_byte_for_byte() -> None:
    body = {"strength": 0.5, "kind": "gesture", "raw": b"\x00\xff", "nested": [{"kind": "turn"}]}
    raw = packed(NEWER, body)
    entry = decode(raw)
    assert isinstance(entry.body, Unknown)
    assert entry.body.kind == "gesture"
    assert encode(entry) == raw


def test_a_known_kind_with_a_tag_of_a_newer_version_is_kept_as_unknown() -> None:
    raw = packed(NEWER, {"kind": "turn", "text": "hello", "actions": [{"type": "point", "at": "platform 3"}]})
    entry = decode(raw)
    assert isinstance(entry.body, Unknown)
    assert entry.body.kind == "turn"
    assert encode(entry) == raw


def test_a_new_optional_field_of_a_known_kind_is_passed_over() -> None:
    assert decode(packed(NEWER, {"kind": "turn", "text": "hi", "mood": "fine"})).body == Turn(text="hi")


def test_the_same_in_our_own_version_is_corrupt() -> None:
    with pytest.raises(CorruptRecord, match=r"'turn' with a malformed body.*actions"):
        decode(packed(SAME, {"kind": "turn", "actions": [{"type": "point"}]}))


GOOD = encode(ENTRY)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        GOOD[:-1],
        GOOD + b"\x00",
        GOOD.replace(b"Gleis", b"Gle\xffs"),
        msgspec.msgpack.encode([1, 2]),
        msgspec.msgpack.encode(None),
        packed(SAME, {"text": "no kind"}),
        packed(SAME, {"kind": 5}),
        packed(SAME, ["turn"]),
        packed({**SAME, "role": "spectator"}, {"kind": "turn"}),
        packed({"writer": "h"}, {"kind": "turn"}),
        packed({**SAME, "seq": "first"}, {"kind": "turn"}),
        b"\x82\xa6header\x80\xa4body" + b"\x91" * 100_000 + b"\x01",
        b"\xc1" * 50,
    ],
)
def test_what_is_no_entry_is_refused_with_a_sentence(raw: bytes) -> None:
    with pytest.raises(CorruptRecord, match="entry"):
        decode(raw)


@pytest.mark.parametrize(
    "body",
    [
        Turn(text="half of a pair: \ud83d"),
        Turn(text=5),  # pyright: ignore[reportArgumentType] (what a careless caller does)
        Turn(samples=2**70),
        Turn(decisions=(object(),)),  # pyright: ignore[reportArgumentType] (what a careless caller does)
        Unknown("gesture", b"not msgpack at all"),
        Unknown("gesture", msgspec.msgpack.encode({"no": "kind"})),
    ],
)
def test_what_no_reader_could_take_is_not_written(body: object) -> None:
    with pytest.raises(CorruptRecord):
        encode(Entry(HEADER, body))  # pyright: ignore[reportArgumentType] (what a careless caller does)


def test_every_kind_of_body_is_known() -> None:
    assert {"turn", "asked", "settled", "note", "orphaned", "closed"} <= KINDS
    assert "unknown" not in KINDS


def test_json_of_an_entry_is_one_readable_line() -> None:
    line = to_json(ENTRY)
    assert b"\n" not in line
    assert msgspec.json.decode(line)["body"]["note"]["text"] == "10:14, Gleis 3 🚆"
    assert from_json(line) == ENTRY


def test_bytes_and_unknown_kinds_survive_json() -> None:
    for body in (Orphaned(b"\x00\xff"), Unknown("gesture", msgspec.msgpack.encode({"kind": "gesture", "x": b"\xff"}))):
        entry = Entry(HEADER, body)
        assert from_json(to_json(entry)) == entry


def test_a_known_kind_that_was_kept_as_unknown_survives_json() -> None:
    entry = decode(packed(NEWER, {"kind": "turn", "actions": [{"type": "point"}]}))
    assert from_json(to_json(entry)) == entry


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "not an entry"),
        (b"[1]", "not an entry"),
        (b'{"header":{},"body":{"kind":"turn"}}', "not an entry"),
        (msgspec.json.encode({"header": SAME, "body": {"kind": "turn", "samples": "many"}}), "Expected `int`"),
        (msgspec.json.encode({"header": NEWER, "body": {"kind": "gesture", "x": 1}}), "this version can read"),
        (msgspec.json.encode({"header": NEWER, "body": {"kind": "unknown", "was": "a", "msgpack": "!"}}), "base64"),
        (msgspec.json.encode({"header": NEWER, "body": {"kind": "unknown", "was": "a", "msgpack": "gA=="}}), "kind"),
    ],
)
def test_json_that_is_no_entry_is_refused_with_a_sentence(text: bytes, sentence: str) -> None:
    with pytest.raises(CorruptRecord, match=sentence):
        from_json(text)
