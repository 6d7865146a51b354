"""What the score of a conversation says of a host that took it over."""

import pytest

from counterpoint.cli.telling import befallen
from counterpoint.shared_context.entries import Entry, Header, Opened, Role, Stored
from counterpoint.shared_context.ids import Beat, ConversationId, Position, SessionId, WriterId
from counterpoint.shared_context.resume_token import ResumeToken


@pytest.mark.parametrize(("beat", "played"), [(Beat(17), "up to beat 17"), (None, "nothing")])
def test_it_says_with_what_the_listener_came_back(beat: Beat | None, played: str) -> None:
    token = ResumeToken(ConversationId("c"), SessionId("s1"), beat)
    header = Header(Role.HOST, WriterId("host-s2"), 7, 1, 0.0, Beat(20))
    stored = Stored(Position(9), Entry(header, Opened(SessionId("s2"), token=token)))
    assert f"the listener of s1 came back, having played {played}" in befallen(stored)
