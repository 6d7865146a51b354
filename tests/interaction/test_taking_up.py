"""What a host that takes a conversation up knows of what was asked before, and when it begins."""

import pytest

from counterpoint.interaction.delegations import Anew, Delegations
from counterpoint.interaction.orphans import MOST_BYTES, orphans_of
from counterpoint.interaction.taking_up import AHEAD_BEATS, going_on, objection
from counterpoint.shared_context.codec import decode
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import Entry, Failed, Header, Opened, Orphaned, Role, Stored, Turn
from counterpoint.shared_context.expressed import Amend
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, Position, SessionId, WriterId
from counterpoint.shared_context.package import Work
from counterpoint.shared_context.resume_token import ResumeToken
from counterpoint.shared_context.timeline import Timeline

OURS, DATE = ConversationId("ours"), 1_900_000_000.0


def asked(id: str, request: str, *amendments: str, state: DelegationState = DelegationState.DONE) -> Work:
    return Work(Delegation(DelegationId(id), OURS, request), state, Beat(3), amendments)


def correct(works: list[Work], text: str, id: str) -> str:
    delegations = Delegations(OURS, served=True, first=9)
    delegations.resume(works)
    anew = delegations.amend(Amend(text, DelegationId(id)), Beat(50))
    assert isinstance(anew, Anew)
    return anew.asked.delegation.request


def test_a_correction_of_what_is_done_asks_anew_with_all_corrections() -> None:
    assert correct([asked("d1", "trains", "to the sea")], "first class", "d1") == (
        "trains\n(correction) to the sea\n(correction) first class"
    )


def test_what_was_asked_anew_with_its_corrections_is_done_with_them() -> None:
    works = [asked("d1", "trains", "to the sea"), asked("d2", "trains\n(correction) to the sea")]
    assert correct(works, "first class", "d1") == "trains\n(correction) first class"


def timeline() -> Timeline:
    known = Timeline(OURS)
    header = Header(Role.HOST, WriterId("host"), 1, 1, DATE, Beat(0))
    known.apply(Stored(Position(1), Entry(header, Opened(SessionId("s1")))))
    return known


def token(beat: int | None, conversation: str = "ours") -> ResumeToken:
    return ResumeToken(ConversationId(conversation), SessionId("s1"), None if beat is None else Beat(beat))


@pytest.mark.parametrize(("beat", "after", "begins"), [(None, 2.1, 10), (5, 2.1, 10), (12, 2.1, 13), (4, -60.0, 5)])
def test_it_begins_by_the_clock_and_never_before_what_was_played(beat: int | None, after: float, begins: int) -> None:
    assert going_on(timeline(), token(beat), DATE + after) == begins


def test_a_token_from_ahead_of_the_clock_is_believed_for_half_a_minute() -> None:
    now = timeline().beat_at(DATE + 2.1)
    assert objection(token(now + AHEAD_BEATS), timeline(), DATE + 2.1) == ""
    assert "has not been yet" in objection(token(now + AHEAD_BEATS + 1), timeline(), DATE + 2.1)


def test_a_token_of_another_conversation_is_of_no_use() -> None:
    assert "another conversation" in objection(token(1, "theirs"), timeline(), DATE)


def test_of_orphans_that_are_too_large_or_no_records_only_their_kind_is_left() -> None:
    header = Header(Role.HOST, WriterId("host"), 1, 1, DATE, Beat(0))
    texts = ("small", "x" * MOST_BYTES, "after")
    entries = [Entry(header, Turn(text=text)) for text in texts] + [Entry(header, Turn(text="\ud800"))]
    orphans = [each.body for each in orphans_of(entries)]
    held = [decode(each.raw).body for each in orphans if isinstance(each, Orphaned)]
    named = Failed("orphans", "a Turn is left out")
    assert held == [Turn(text="small"), named, Turn(text="after"), named]
