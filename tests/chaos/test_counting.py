"""The count of what was heard: it sees what is lost, what comes twice, and what comes too late."""

import pytest
from chaos.counting import STALE_SECONDS, Asked, Heard, Outcome, Verdict, count
from chaos.lateness import Arrival, delayed_beyond, lateness, read_arrivals
from chaos.words import Ask, Want, asks_in

ASK = Ask(7)
ANSWER = " ".join(ASK.words)


def outcome(*said: str, unwanted: float | None = None) -> Outcome:
    asked = Asked(ASK, "c0-0", "worker_killed", (0, 1, 0.0), 10.0, unwanted)
    heard = [Heard(10.0 + at, "c0-0", word) for at, word in enumerate(" ".join(said).split())]
    return count([asked], heard)[0]


def test_an_answer_that_was_heard_to_its_end_is_heard() -> None:
    assert outcome("Right.", ANSWER, "Still looking.") == outcome(ANSWER)
    assert (outcome(ANSWER).verdict, outcome(ANSWER).doubled) == (Verdict.HEARD, 0)


@pytest.mark.parametrize("word", ASK.words)
def test_an_answer_of_which_one_word_is_missing_is_lost(word: str) -> None:
    found = outcome(ANSWER.replace(word, ""))
    assert (found.verdict, found.partly) == (Verdict.LOST, True)


@pytest.mark.parametrize("word", ASK.words)
def test_a_word_that_comes_twice_is_doubled(word: str) -> None:
    assert outcome(ANSWER, word).doubled == 1


@pytest.mark.parametrize(
    "report",
    [
        "I could not finish “find a7”: it took too long.",
        "Nobody could finish looking into “find a7 hang” in time.",
        "This could not be done, 3 attempts broke off: find a7 poison",
    ],
)
def test_what_names_the_request_is_a_report_and_once_is_enough(report: str) -> None:
    assert (outcome(report).verdict, outcome(report).doubled) == (Verdict.REPORTED, 0)
    assert outcome(report, report).doubled == 1


def test_answers_and_reports_of_others_change_nothing() -> None:
    others = [" ".join(Ask(number).words) for number in (1, 70, 77)]
    assert outcome(*others, "This could not be done: find a77").verdict is Verdict.LOST


def test_what_was_taken_back_and_is_told_much_later_is_stale() -> None:
    assert outcome("a7-1", unwanted=10.0).stale is False
    late = outcome(*["Right."] * (int(STALE_SECONDS) + 1), "a7-1", unwanted=10.0)
    assert (late.verdict, late.stale) == (Verdict.UNWANTED, True)


def test_asks_are_read_as_they_were_typed() -> None:
    asks = [Ask(1), Ask(23, Want.POISON), Ask(4, Want.HANG)]
    assert asks_in(" and ".join(ask.line for ask in asks)) == asks


def test_beats_are_late_by_what_they_come_later_than_the_earliest_of_their_connection(tmp_path) -> None:
    lines = [
        '[10.0, "c3-1", 1, 50, 1, 0.001]',
        '[10.2, "c3-1", 1, 51, 1, 0.002]',
        '[10.7, "c3-1", 1, 52, 1, 0.3]',
        '[20.0, "c3-1", 2, 80, 1, 0.0]',
        '[20.2, "c3-',
    ]
    (tmp_path / "arrivals").write_text("\n".join(lines))
    arrivals, gaps = read_arrivals(tmp_path / "arrivals")
    assert [round(each.came_late, 3) for each in arrivals] == [0, 0, 0.3, 0]
    found = lateness(arrivals)
    assert (found.beats, found.delayed, found.came_delayed) == (4, 1, 1)
    assert [(gap.cell, round(gap.seconds, 3)) for gap in gaps] == [(3, 9.3)]


def test_only_beats_beyond_those_that_are_late_anyway_count_as_delayed() -> None:
    def some(beats: int, late: int) -> list[Arrival]:
        return [Arrival(0.0, 0, 0.5 if number < late else 0.0, 0.0) for number in range(beats)]

    assert delayed_beyond(lateness(some(1000, 12)), lateness(some(100, 1))) == 2
    assert delayed_beyond(lateness(some(1000, 9)), lateness(some(100, 1))) == 0
    assert delayed_beyond(lateness(some(1000, 9)), lateness([])) == 9
