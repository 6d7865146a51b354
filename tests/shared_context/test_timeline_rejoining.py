"""A listener comes back with its resume token: what that says about what it heard."""

import msgspec
from logbook import CONVERSATION, Logbook, voiced

from counterpoint.shared_context.entries import Gap, Left, Opened, Unheard
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.ids import Beat, ConversationId, NoteId, SessionId
from counterpoint.shared_context.package import Speaker
from counterpoint.shared_context.resume_token import ResumeToken
from counterpoint.shared_context.timeline import Timeline

NOTE = "The train leaves at ten."


def token(beat: int | None, *, session: str = "s1", **fields: object) -> ResumeToken:
    played = None if beat is None else Beat(beat)
    return ResumeToken(ConversationId(CONVERSATION), SessionId(session), played, **fields)


def opens(log: Logbook, session: str, start: int, **fields: object) -> None:
    log.add(Opened(SessionId(session), start=Beat(start), **fields), start)


def telling(log: Logbook) -> None:
    """A note of five words, two a beat, in the session "s1"."""
    opens(log, "s1", 0)
    log.finds("n1", NOTE)
    log.agent("The train", 4, voiced=voiced("n1", 0, 9), woven=(NoteId("n1"),))
    log.agent(" leaves at", 5, voiced=voiced("n1", 9, 19))
    log.agent(" ten.", 6, voiced=voiced("n1", 19, 24))


def heard_of_note(log: Logbook) -> str:
    laid = log.timeline.note(NoteId("n1"))
    assert laid is not None
    return laid.note.text[: laid.heard]


def heard(log: Logbook) -> list[tuple[str, str]]:
    agent = [each for each in log.package().utterances if each.speaker is Speaker.AGENT]
    return [(each.text[: each.heard], each.text[each.heard :]) for each in agent]


def test_what_came_before_the_last_played_micro_turn_was_heard_and_what_came_after_was_not() -> None:
    log = Logbook()
    telling(log)
    opens(log, "s2", 10, token=token(5, words=1, notes={NoteId("n1"): 16}))
    assert heard(log) == [("The train leaves", " at ten.")]
    assert heard_of_note(log) == "The train leaves"


def test_what_was_never_played_is_told_once() -> None:
    log = Logbook()
    telling(log)
    back = token(5, words=1, notes={NoteId("n1"): 16})
    assert log.timeline.rejoin(back) == Unheard(Beat(5), " at ten.")
    assert log.timeline.rejoin(back) is None
    opens(log, "s2", 10, token=back)
    assert heard_of_note(log) == "The train leaves"


def test_what_the_log_has_lost_was_heard_of_the_note_all_the_same() -> None:
    log = Logbook()
    opens(log, "s1", 0)
    log.finds("n1", NOTE)
    opens(log, "s2", 10, token=token(6, notes={NoteId("n1"): 19}))
    assert heard_of_note(log) == "The train leaves at"


def test_what_was_only_assumed_gives_way_and_what_was_reported_stays() -> None:
    log = Logbook()
    telling(log)
    log.played(4)
    log.played(5, assumed=True)
    log.played(6, assumed=True)
    opens(log, "s2", 12, token=token(None))
    assert heard_of_note(log) == "The train"
    assert heard(log) == [("The train", " leaves at ten.")]


def test_of_a_part_that_was_reported_and_then_assumed_the_report_stays() -> None:
    log = Logbook()
    telling(log)
    log.played(4)
    log.played(5, words=1)
    log.played(5, assumed=True)
    opens(log, "s2", 12, token=token(4, notes={NoteId("n1"): 9}))
    assert heard_of_note(log) == "The train leaves"


def test_what_another_host_said_meanwhile_to_nobody_was_not_heard() -> None:
    log = Logbook()
    telling(log)
    opens(log, "s2", 7)
    log.agent("leaves at ten.", 8, voiced=voiced("n1", 10, 24))
    log.played(8, assumed=True)
    opens(log, "s3", 20, token=token(4, notes={NoteId("n1"): 9}))
    assert heard_of_note(log) == "The train"


def test_what_an_earlier_session_said_stands_as_the_log_tells_it() -> None:
    log = Logbook()
    telling(log)
    for beat in (4, 5, 6):
        log.played(beat, assumed=True)
    opens(log, "s2", 12)
    opens(log, "s3", 20, token=token(None, session="s2"))
    assert heard_of_note(log) == NOTE


def test_of_a_session_that_the_log_has_lost_the_notes_still_count() -> None:
    log = Logbook()
    telling(log)
    opens(log, "s3", 30, token=token(25, session="lost", notes={NoteId("n1"): 19}))
    assert heard_of_note(log) == "The train leaves at"


def test_what_was_thrown_away_before_the_last_played_micro_turn_was_not_heard() -> None:
    log = Logbook()
    telling(log)
    log.agent("Yes?", 7, flush=True)
    opens(log, "s2", 10, token=token(7, notes={NoteId("n1"): 3}))
    assert heard(log) == [("", "The train leaves at ten."), ("Yes?", "")]
    assert heard_of_note(log) == "The"


def test_early_parts_of_a_beat_come_before_its_grid_step() -> None:
    log = Logbook()
    opens(log, "s1", 0)
    log.agent("one", 4, part=1)
    log.agent(" two", 4, part=2)
    log.agent(" three", 4)
    opens(log, "s2", 9, token=token(4, part=2))
    assert heard(log) == [("one two", " three")]


def test_sound_without_words_is_heard_or_not() -> None:
    log = Logbook()
    opens(log, "s1", 0)
    log.finds("n1", NOTE)
    log.agent("", 4, samples=3200, voiced=voiced("n1", 0, 9))
    log.agent("", 5, samples=3200, voiced=voiced("n1", 9, 24))
    opens(log, "s2", 9, token=token(5, samples=0, notes={NoteId("n1"): 9}))
    assert heard_of_note(log) == "The train"


def test_more_than_a_note_has_is_all_of_it() -> None:
    log = Logbook()
    telling(log)
    opens(log, "s2", 10, token=token(6, words=99, notes={NoteId("n1"): 10**6, NoteId("nobody's"): 4}))
    assert heard_of_note(log) == NOTE


def test_a_snapshot_remembers_what_was_reported_and_where_sessions_began() -> None:
    log = Logbook()
    telling(log)
    log.played(5, words=1)
    log.played(5, assumed=True)
    restored = Timeline.restore(log.timeline.snapshot())
    restored.rejoin(token(4, notes={NoteId("n1"): 9}))
    laid = restored.note(NoteId("n1"))
    assert laid is not None
    assert laid.heard == len("The train leaves")


def test_a_snapshot_of_a_version_without_all_that_is_read() -> None:
    log = Logbook()
    telling(log)
    known = msgspec.msgpack.decode(log.timeline.snapshot())
    for newer in ("sessions", "beat_at", "left"):
        known.pop(newer, None)
    old = Timeline.restore(msgspec.msgpack.encode(known))
    old.rejoin(token(5, notes={NoteId("n1"): 10}))
    assert old.beat_at(1e9) == 7
    laid = old.note(NoteId("n1"))
    assert laid is not None
    assert laid.heard == 10


def test_beats_go_on_while_nobody_hosts_the_conversation() -> None:
    log = Logbook()
    assert log.timeline.beat_at(5.0) == 0
    opens(log, "s1", 0)
    log.agent("Hello.", 4)
    at = log.seconds
    assert log.timeline.beat_at(at) == 5
    assert log.timeline.beat_at(at + 1.05) == 10
    assert log.timeline.beat_at(at - 100) == 5
    log.add(Gap(Beat(5), Beat(20), "paused"), 5, at=at + 3.2)
    assert log.timeline.beat_at(at + 3.2) == 21


def test_beats_go_on_also_where_nothing_was_ever_said() -> None:
    log = Logbook()
    opens(log, "s1", 0)
    assert log.timeline.beat_at(log.seconds + 0.1) == 1
    assert log.timeline.beat_at(log.seconds + 1.1) == 5


def test_a_session_was_left_in_order_or_it_was_not() -> None:
    log = Logbook()
    opens(log, "s1", 0)
    assert not log.timeline.left
    log.add(Left(), 3)
    assert log.timeline.left
    opens(log, "s2", 4)
    assert not log.timeline.left


def test_what_the_token_says_of_a_note_stands_when_the_micro_turns_are_folded_away() -> None:
    log = Logbook()
    telling(log)
    opens(log, "s2", 10, token=token(7, notes={NoteId("n1"): 3}))  # a flush that the log has lost
    for beat in range(200, 420):
        log.agent("so", beat, boundary=Boundary.END)
        log.played(beat)
    assert heard_of_note(log) == "The"
