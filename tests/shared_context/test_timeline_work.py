"""What the timeline says of delegations: asked, corrected, worked on, settled."""

import pytest
from logbook import CONVERSATION, Logbook

from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import ApprovalAnswered, ApprovalAsked, Asked, Withdrawn
from counterpoint.shared_context.ids import Beat, CallId, DelegationId
from counterpoint.shared_context.notes import NoteKind, Source
from counterpoint.shared_context.package import Approval, Call, Work
from counterpoint.shared_context.timeline.works import CALLS_KEPT, IN_FLIGHT_CHARACTERS, NOTES_KEPT, SETTLED_CHARACTERS


def work(log: Logbook, delegation: str = "d1") -> Work:
    known = log.timeline.work(DelegationId(delegation))
    assert known is not None
    return known


def test_a_delegation_is_known_from_asking_to_its_end() -> None:
    log = Logbook()
    at = log.asks("d1", "the next train", 4)
    assert (work(log).state, work(log).asked, work(log).delegation.upto) == (DelegationState.ASKED, 4, at)
    log.takes("d1")
    assert work(log).state is DelegationState.TAKEN
    log.settles("d1", DelegationState.FAILED, "the timetable does not answer")
    assert (work(log).state, work(log).reason) == (DelegationState.FAILED, "the timetable does not answer")
    assert log.timeline.unsettled() == ()


def test_corrections_belong_to_the_request_in_their_order() -> None:
    log = Logbook()
    log.asks("d1", "the next train to Potsdam", 4)
    log.corrects("d1", "tomorrow", 9)
    log.corrects("d1", "from Berlin", 12)
    package = log.package(delegation=DelegationId("d1"))
    assert package.request == "the next train to Potsdam\n(correction) tomorrow\n(correction) from Berlin"


def test_a_call_is_running_until_its_result_is_there() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.calls("d1", "c1")
    assert work(log).calls == (Call(CallId("c1"), "search", '{"q": "trains"}'),)
    log.person("and hurry", 8)
    log.returns("d1", "c1", "10:14", failed=True)
    assert work(log).calls == (Call(CallId("c1"), "search", '{"q": "trains"}', "10:14", failed=True),)


def test_a_result_whose_call_was_never_seen_is_kept() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.returns("d1", "c1", "10:14")
    assert [call.result for call in work(log).calls] == ["10:14"]


def test_an_approval_is_asked_and_answered_before_its_call_begins() -> None:
    log = Logbook()
    log.asks("d1", "book it", 4)
    log.add(ApprovalAsked(DelegationId("d1"), CallId("c1"), "Book for 12 euros?"))
    assert work(log).calls[0].approval == Approval("Book for 12 euros?")
    log.add(ApprovalAnswered(CallId("c1"), approved=False, reason="too dear"), 9)
    log.calls("d1", "c1", tool="book")
    assert work(log).calls[0].approval == Approval("Book for 12 euros?", approved=False, reason="too dear")
    assert work(log).calls[0].tool == "book"


def test_an_answer_goes_to_the_newest_open_question_about_that_call() -> None:
    log = Logbook()
    for delegation in ("d1", "d2"):
        log.asks(delegation, "book it", 4)
        log.add(ApprovalAsked(DelegationId(delegation), CallId("c1"), "Book?"))
    log.add(ApprovalAnswered(CallId("c1"), approved=True), 9)
    log.add(ApprovalAnswered(CallId("c7"), approved=True), 9)
    approvals = [work(log, delegation).calls[0].approval for delegation in ("d1", "d2")]
    assert approvals == [Approval("Book?"), Approval("Book?", approved=True)]


def test_notes_stand_with_their_delegation_and_those_of_the_application_apart() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.finds("n1", "looking", "d1", kind=NoteKind.PROGRESS)
    log.finds("n2", "your taxi is here")
    log.finds("n3", "ten fourteen", "d1", sources=(Source("timetable.txt"),))
    assert [(each.id, each.kind) for each in work(log).notes] == [("n1", "progress"), ("n3", "result")]
    assert work(log).notes[1].sources == (Source("timetable.txt"),)
    assert [each.id for each in log.package().notes] == ["n2"]


def test_a_note_laid_twice_counts_once() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    for _ in range(2):
        log.finds("n1", "ten fourteen", "d1")
        log.finds("n2", "your taxi is here")
    assert len(work(log).notes) == len(log.package().notes) == 1


def test_a_note_of_a_delegation_never_seen_is_not_lost() -> None:
    log = Logbook()
    log.finds("n1", "ten fourteen", "d7")
    assert [each.text for each in log.package().notes] == ["ten fourteen"]


def test_entries_of_a_worker_that_come_late_find_their_delegation_between_those_of_others() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.asks("d2", "the weather", 5)
    log.calls("d1", "c1")
    log.person("are you there?", 9)
    log.calls("d2", "c2", tool="weather")
    log.returns("d1", "c1", "10:14")
    log.speaks("Yes I am", 12)
    log.settles("d1")
    log.finds("n1", "rain", "d2")
    assert [(call.tool, call.result) for call in work(log, "d1").calls] == [("search", "10:14")]
    assert [(call.tool, call.result) for call in work(log, "d2").calls] == [("weather", None)]
    assert [delegation.id for delegation in log.timeline.unsettled()] == ["d2"]


def test_what_was_withdrawn_stays_withdrawn_whatever_its_worker_still_writes() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.add(Withdrawn(DelegationId("d1"), "never mind"), 6)
    log.takes("d1")
    log.settles("d1")
    assert (work(log).state, work(log).reason) == (DelegationState.WITHDRAWN, "never mind")


def test_withdrawing_what_is_done_changes_nothing() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.settles("d1")
    log.add(Withdrawn(DelegationId("d1"), "never mind"), 6)
    assert work(log).state is DelegationState.DONE


def test_a_dead_delegation_that_is_tried_again_is_in_flight_again() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.settles("d1", DelegationState.FAILED, "gave up")
    log.takes("d1")
    assert [delegation.id for delegation in log.timeline.unsettled()] == ["d1"]
    log.settles("d1", DelegationState.EXPIRED)
    log.asks("d1", "the next train", 90)
    assert (work(log).state, work(log).asked) == (DelegationState.ASKED, 4)


@pytest.mark.parametrize(
    ("ids", "following"), [((), 1), (("d1", "d2"), 3), (("d7", "d2"), 8), (("task", "d", "dx", "d" + "9" * 40), 1)]
)
def test_the_next_delegation_gets_a_number_that_was_never_used(ids: tuple[str, ...], following: int) -> None:
    log = Logbook()
    for delegation in ids:
        log.asks(delegation, "something", 4)
    assert log.timeline.next_delegation == following


def test_the_log_entry_that_asked_is_the_stores_word_where_it_has_one() -> None:
    log = Logbook()
    log.add(Asked(Delegation(DelegationId("d1"), CONVERSATION, "the next train", upto=Beat(1))), 4)
    assert work(log).delegation.upto == 1


def test_of_endless_calls_and_notes_the_newest_are_kept_and_the_rest_counted() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    for number in range(1_000):
        log.calls("d1", f"c{number}")
        log.returns("d1", f"c{number}", "nothing")
        log.finds(f"n{number}", "", "d1", kind=NoteKind.PROGRESS)
    assert len(work(log).calls) == CALLS_KEPT
    assert work(log).omitted == 1_000 - CALLS_KEPT
    assert work(log).calls[-1].id == "c999"
    assert len(work(log).notes) < NOTES_KEPT + 200
    assert work(log).notes[-1].id == "n999"


def test_of_too_many_calls_those_that_may_have_changed_something_are_kept_longest() -> None:
    log = Logbook()
    log.asks("d1", "book everything", 4)
    log.calls("d1", "begun", tool="book", effects="write", idempotent=False)
    log.calls("d1", "done", tool="book", effects="write")
    log.returns("d1", "done", "booked")
    for number in range(200):
        log.calls("d1", f"c{number}")
        log.returns("d1", f"c{number}", "nothing")
    kept = {call.id for call in work(log).calls}
    assert {"begun", "done", "c199"} <= kept
    assert len(kept) == CALLS_KEPT


def test_a_result_is_kept_whole_while_the_next_attempt_may_need_it_and_shortened_in_the_middle_after() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.calls("d1", "c1", arguments="x" * 50_000)
    log.returns("d1", "c1", "first" + "x" * 50_000 + "last")
    assert [len(call.arguments) + len(call.result or "") for call in work(log).calls] == [100_009]
    log.settles("d1")
    (call,) = work(log).calls
    result = call.result or ""
    assert max(len(call.arguments), len(result)) <= SETTLED_CHARACTERS
    assert result.startswith("first")
    assert result.endswith("last")
    assert "shortened from 50009 characters" in result


def test_even_in_flight_no_result_takes_more_room_than_it_may() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.calls("d1", "c1")
    log.returns("d1", "c1", "x" * 1_000_000)
    assert work(log).calls[0].result is not None
    assert len(work(log).calls[0].result or "") <= IN_FLIGHT_CHARACTERS
