import pytest

from counterpoint.errors import WriteRefused
from counterpoint.shared_context.codec import decode
from counterpoint.shared_context.entries import Degraded, Header, Orphaned, Paused, Resumed, Role
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, Position, WriterId
from counterpoint.shared_context.scribe import Scribe, orphan
from counterpoint.shared_context.store import Fence

HOST = Fence(ConversationId("c"), WriterId("h"), 4)
WORKER = Fence(ConversationId("c"), WriterId("w"), 2, DelegationId("d1"))


def clock() -> float:
    return 1.8e9


def test_entries_carry_their_fence_and_are_counted_from_one() -> None:
    scribe = Scribe(HOST, clock)
    first, second = scribe.write(Paused()), scribe.write(Resumed())
    assert first.header == Header(Role.HOST, WriterId("h"), 4, 1, 1.8e9)
    assert second.header.seq == scribe.seq == 2


def test_a_fence_for_a_delegation_makes_a_worker() -> None:
    assert Scribe(WORKER, clock).write(Paused()).header.role is Role.WORKER


def test_an_entry_says_when_it_happened_and_what_it_answers() -> None:
    entry = Scribe(HOST, clock).write(Paused(), beat=Beat(7), at=5.0, cause=Position(3), trace="00-a-b-01")
    assert entry.header == Header(Role.HOST, WriterId("h"), 4, 1, 5.0, Beat(7), Position(3), "00-a-b-01")


def test_numbers_of_refused_entries_are_given_again() -> None:
    scribe = Scribe(HOST, clock)
    scribe.write(Paused())
    scribe.unwritten([scribe.write(Degraded("a")), scribe.write(Degraded("b"))])
    scribe.unwritten([])
    assert scribe.write(Resumed()).header.seq == 2


def test_only_the_newest_entries_can_be_taken_back() -> None:
    scribe = Scribe(HOST, clock)
    first, second = scribe.write(Paused()), scribe.write(Resumed())
    for wrong in ([first], [second, first], [second, second]):
        with pytest.raises(WriteRefused, match="only the newest"):
            scribe.unwritten(wrong)
    assert scribe.seq == 2


def test_an_orphan_holds_the_entry_and_keeps_its_number() -> None:
    entry = Scribe(HOST, clock).write(Degraded("gone"))
    left = orphan(entry)
    assert left.header == entry.header
    assert isinstance(left.body, Orphaned)
    assert decode(left.body.raw) == entry
