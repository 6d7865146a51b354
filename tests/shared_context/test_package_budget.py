"""A package fits the tokens that a model has for it: the oldest goes first, the request never."""

import pytest
from logbook import Logbook

from counterpoint.errors import UnknownDelegation
from counterpoint.shared_context.entries import MediaRef, Opened, Turn
from counterpoint.shared_context.ids import DelegationId, MediaId, Position, SessionId
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.packing import estimate
from counterpoint.shared_context.render import render

D1, D2 = DelegationId("d1"), DelegationId("d2")


def long_talk() -> Logbook:
    log = Logbook()
    log.add(Opened(SessionId("s1"), "You are the station's guide. " * 20), 0)
    for number in range(60):
        log.types(f"question {number}, " + "and so on " * 10, number * 40)
        log.speaks(f"answer {number} " + "of many words " * 5, number * 40 + 5)
    log.asks("d1", "an older request", 2_400)
    log.calls("d1", "c1")
    log.returns("d1", "c1", "old result " * 300)
    log.finds("n1", "the older answer", "d1")
    log.settles("d1")
    log.add(Turn(media=(MediaRef(MediaId("m1"), "audio"),)), 2_410)
    log.types("what about the last train?", 2_420)
    log.speaks("I look it up", 2_425)
    log.asks("d2", "the last train to Potsdam", 2_430)
    log.corrects("d2", "to Werder", 2_440)
    log.calls("d2", "c2")
    log.returns("d2", "c2", "new result " * 300)
    log.finds("n2", "I found a list", "d2", kind=NoteKind.PARTIAL)
    return log


def tokens(package: ContextPackage) -> int:
    return estimate(render(package))


def test_what_fits_is_given_whole() -> None:
    log = long_talk()
    whole = log.package(delegation=D2)
    assert log.package(delegation=D2, budget=tokens(whole)) == whole
    assert whole.earlier == ""


@pytest.mark.parametrize("budget", [8_000, 4_000, 3_000, 2_000, 1_000, 600, 400, 200, 100, 60, 30])
def test_every_budget_holds_and_the_request_survives(budget: int) -> None:
    package = long_talk().package(delegation=D2, budget=budget)
    assert tokens(package) <= budget
    assert package.request == "the last train to Potsdam\n(correction) to Werder"
    assert render(package).endswith("REQUEST d2\n  the last train to Potsdam\n  correction: to Werder\n")


def test_the_oldest_becomes_an_outline_first() -> None:
    log = long_talk()
    whole = log.package(delegation=D2)
    package = log.package(delegation=D2, budget=tokens(whole) - 300)
    assert "question 0," in package.earlier
    assert len(package.utterances) > 60
    assert package.utterances == whole.utterances[-len(package.utterances) :]
    assert package.current == whole.current
    assert [call.result for work in package.work for call in work.calls] == [
        call.result for work in whole.work for call in work.calls
    ]


def test_the_outcome_of_older_work_is_kept_when_its_details_go() -> None:
    package = long_talk().package(delegation=D2, budget=2_200)
    assert [work.delegation.id for work in package.work] == ["d2"]
    assert "d1 done: an older request; result (not said yet): the older answer" in package.earlier


def test_the_latest_exchange_is_kept_as_long_as_anything_else_can_go() -> None:
    log = long_talk()
    for budget in range(100, 2_000, 100):
        said = [each.text for each in log.package(delegation=D2, budget=budget).utterances]
        assert said[-2:] == ["what about the last train?", "I look it up"]


def test_results_of_the_current_work_are_shortened_before_they_are_left_out() -> None:
    current = long_talk().package(delegation=D2, budget=700).current
    assert current is not None
    assert "shortened from" in (current.calls[0].result or "")
    current = long_talk().package(delegation=D2, budget=90).current
    assert current is not None
    assert (current.calls, current.omitted) == ((), 1)


def test_where_the_request_alone_is_too_long_it_is_given_alone() -> None:
    package = long_talk().package(delegation=D2, budget=1)
    assert package.request == "the last train to Potsdam\n(correction) to Werder"
    assert (package.utterances, package.earlier, package.instructions) == ((), "", "")


def test_a_page_that_was_pasted_last_is_shortened_in_its_middle() -> None:
    log = long_talk()
    log.types("begin " + "x" * 50_000 + " end", 2_450)
    package = log.package(delegation=D2, budget=500)
    assert tokens(package) <= 500
    assert package.utterances[-1].text.startswith("begin")
    assert package.utterances[-1].text.endswith("end")


def test_words_that_were_not_heard_stay_unheard_when_they_are_shortened() -> None:
    log = long_talk()
    log.agent("heard " * 2_000 + "unheard " * 2_000, 2_450)
    log.played(2_450, words=2_000, cut=True)
    last = log.package(delegation=D2, budget=800).utterances[-1]
    assert last.heard is not None
    assert "unheard" not in last.text[: last.heard]
    assert "unheard" in last.text[last.heard :]


def test_the_callers_own_tokens_are_counted() -> None:
    package = long_talk().package(delegation=D2, budget=300, count=lambda text: len(text.split()))
    assert len(render(package).split()) <= 300
    assert package.utterances


def test_without_a_delegation_a_budget_holds_as_well() -> None:
    package = long_talk().package(budget=50)
    assert tokens(package) <= 50
    assert package.request == ""


def test_what_began_after_a_position_is_left_out() -> None:
    log = Logbook()
    log.types("hello", 2)
    log.asks("d1", "first", 4)
    at = log.types("and then", 6)
    log.types("later", 9)
    log.asks("d2", "second", 12)
    log.corrects("d1", "the correction", 14)
    package = log.package(upto=at)
    assert [each.text for each in package.utterances] == ["hello", "and then"]
    assert [work.delegation.id for work in package.work] == ["d1"]
    assert package.work[0].amendments == ("the correction",)
    assert package.upto == at
    assert [work.delegation.id for work in log.package(upto=at, delegation=D2).work] == ["d1", "d2"]
    assert log.package(upto=Position(999)).upto == log.timeline.tail


def test_a_delegation_that_nobody_asked_for_is_an_error() -> None:
    with pytest.raises(UnknownDelegation, match="d9"):
        long_talk().package(delegation=DelegationId("d9"))


def test_a_script_with_long_letters_is_not_cheaper_than_it_is() -> None:
    assert estimate("abcdefgh") == 2
    assert estimate("電車は何時ですか") == 6
    assert estimate("") == 0
