"""The reasoning step: decisions only, no clock and no store."""

import pytest

from counterpoint.background.failures import Failure
from counterpoint.background.limits import Limits, Spent, excess
from counterpoint.background.model import Answer, Call, Observation, Progress, Say, Usage
from counterpoint.background.reasoning import (
    Corrected,
    Finish,
    PassOn,
    Reasoning,
    Reported,
    Returned,
    Revoke,
    RoundEnded,
    Run,
    Stepped,
    StopThinking,
    Tell,
    Think,
    TimeIsUp,
    begin,
    react,
)
from counterpoint.shared_context.ids import CallId
from counterpoint.shared_context.notes import Delivery, NoteKind

DEFAULT = Limits()
LOOK_UP = Call(CallId("a"), "departures", "{}")
BOOK = Call(CallId("b"), "book", "{}")
FOUND = Observation("10:14", LOOK_UP)
BOOKED = Observation("booked", BOOK)


def after(*happenings, limits=DEFAULT):
    """The state after these happenings, and everything that was to be done on the way."""
    reasoning, done = begin(Reasoning(limits, writes=frozenset({"book"})))
    doings = [*done]
    for happening in happenings:
        reasoning, done = react(reasoning, happening)
        doings += done
    return reasoning, doings


def done(*happenings, limits=DEFAULT):
    return after(*happenings, limits=limits)[1]


def finished(*happenings, limits=DEFAULT):
    outcomes = [doing.outcome for doing in done(*happenings, limits=limits) if isinstance(doing, Finish)]
    assert len(outcomes) == 1
    return outcomes[0]


def test_work_begins_with_a_round_of_thinking():
    assert done() == [Think(1, ())]


def test_an_answer_ends_the_work_and_closes_the_model():
    assert done(Stepped(1, Answer("10:14")))[1:] == [StopThinking(), Finish(Answer("10:14"))]


def test_nothing_counts_after_the_answer():
    happenings = [Stepped(1, Answer("10:14")), Stepped(1, Answer("10:15")), RoundEnded(1), TimeIsUp(), Corrected("no")]
    assert finished(*happenings) == Answer("10:14")


def test_a_part_of_the_answer_is_told_at_once():
    assert done(Stepped(1, Say("It leaves at 10:14.")))[1:] == [Tell(NoteKind.PARTIAL, "It leaves at 10:14.")]


def test_an_empty_part_is_no_note():
    assert done(Stepped(1, Say("  ")), Stepped(1, Progress("")))[1:] == []


def test_a_call_runs_while_the_model_streams_on():
    assert done(Stepped(1, LOOK_UP))[1:] == [Run(1, LOOK_UP)]


def test_the_next_round_begins_when_every_call_has_returned():
    calls = [Stepped(1, LOOK_UP), Stepped(1, LOOK_UP), RoundEnded(1)]
    assert done(*calls, Returned(2, FOUND))[3:] == []
    assert done(*calls, Returned(2, FOUND), Returned(1, FOUND))[3:] == [Think(2, (FOUND, FOUND))]


def test_a_call_that_returns_while_the_model_still_streams_is_seen_in_the_next_round():
    assert done(Stepped(1, LOOK_UP), Returned(1, FOUND), RoundEnded(1))[2:] == [Think(2, (FOUND,))]


def test_a_correction_stops_the_thinking_and_is_thought_about_at_once():
    correction = Observation("to Nice, not Lyon")
    assert done(Corrected("to Nice, not Lyon"))[1:] == [StopThinking(), Revoke(), Think(2, (correction,))]


def test_a_correction_does_not_wait_for_running_calls():
    doings = done(Stepped(1, LOOK_UP), RoundEnded(1), Corrected("to Nice"))
    assert doings[2:] == [Revoke(), Think(2, (Observation("to Nice"),))]


def test_what_a_stopped_round_still_yields_is_ignored():
    doings = done(Corrected("to Nice"), Stepped(1, Answer("Lyon: 10:14")), RoundEnded(1, failed=True))
    assert doings == done(Corrected("to Nice"))


def test_an_answer_beside_a_write_waits_for_it():
    happenings = [Stepped(1, BOOK), Stepped(1, Answer("It is booked."))]
    assert done(*happenings)[2:] == [StopThinking()]
    assert finished(*happenings, Returned(1, BOOKED)) == Answer("It is booked.")


def test_an_answer_beside_a_write_that_fails_does_not_count():
    failed = Observation("sold out", BOOK, failed=True)
    doings = done(Stepped(1, BOOK), Stepped(1, Answer("It is booked.")), Returned(1, failed))
    assert doings[3:] == [Think(2, (failed,))]


def test_an_answer_beside_a_read_does_not_wait():
    assert finished(Stepped(1, LOOK_UP), Stepped(1, Answer("10:14"))) == Answer("10:14")


def test_a_correction_takes_back_an_answer_that_waited_for_a_write():
    doings = done(Stepped(1, BOOK), Stepped(1, Answer("It is booked.")), Corrected("for two"), Returned(1, BOOKED))
    assert not [doing for doing in doings if isinstance(doing, Finish)]


def test_parts_without_an_answer_are_the_answer():
    assert finished(Stepped(1, Say("One.")), Stepped(1, Say("Two.")), RoundEnded(1)) == Answer("One. Two.")
    assert finished(Stepped(1, Say("One.")), Stepped(1, Answer(" "))) == Answer("One.")


def test_parts_from_before_a_correction_are_not_the_answer_to_it():
    assert finished(Stepped(1, Say("Lyon.")), Corrected("Nice"), RoundEnded(2)) is Failure.NO_ANSWER


@pytest.mark.parametrize(
    ("happenings", "failure"),
    [
        ([RoundEnded(1)], Failure.NO_ANSWER),
        ([Stepped(1, Answer(""))], Failure.NO_ANSWER),
        ([RoundEnded(1, failed=True)], Failure.MODEL),
        ([TimeIsUp()], Failure.TIME),
        ([Stepped(1, Say(f"{n}")) for n in range(9)], Failure.NOTES),
        ([Stepped(1, Progress(f"{n}")) for n in range(21)], Failure.STEPS),
        ([Stepped(1, LOOK_UP) for _ in range(5)], Failure.CALLS),
        ([Stepped(1, Usage(read=90, written=11))], Failure.TOKENS),
        ([Corrected("a"), Corrected("b"), Corrected("c")], Failure.ROUNDS),
    ],
)
def test_each_limit_ends_the_work_in_a_failure(happenings, failure):
    limits = Limits(rounds=3, steps=20, calls=4, tokens=100, notes=8)
    assert finished(*happenings, limits=limits) is failure


def test_a_call_beyond_the_limit_is_not_run():
    assert not [doing for doing in done(Stepped(1, LOOK_UP), limits=Limits(calls=0)) if isinstance(doing, Run)]


def test_tokens_cannot_be_given_back():
    reasoning, _ = after(Stepped(1, Usage(read=50)), Stepped(1, Usage(read=-50)))
    assert reasoning.spent.tokens == 50


def test_a_tool_that_floods_leaves_notes_for_the_answer():
    flood = [Reported(NoteKind.PARTIAL, f"{n}", Delivery.WHEN_IDLE) for n in range(100)]
    doings = done(Stepped(1, LOOK_UP), *flood, Stepped(1, Say("So far.")), limits=Limits(notes=8))
    assert [doing.report.text for doing in doings if isinstance(doing, PassOn)] == ["0", "1", "2", "3"]
    assert doings[-1] == Tell(NoteKind.PARTIAL, "So far.")


def test_nothing_is_exceeded_at_the_limit_itself():
    assert excess(Spent(rounds=3, steps=20), Limits(rounds=3, steps=20)) is None
