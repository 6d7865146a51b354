"""The weaving policy: when a note is offered, and the reason it gives."""

from functools import partial

import msgspec
import pytest

from counterpoint.interaction.policy import (
    Situation,
    Waiting,
    name_of,
    required_silence,
    weave_at_once,
    weave_when_it_suits,
)
from counterpoint.shared_context.expressed import Boundary, Floor
from counterpoint.shared_context.ids import Beat, NoteId
from counterpoint.shared_context.notes import DecisionKind, Delivery, Note, NoteKind

OPEN = Situation(Beat(100), Floor.OPEN, 50, Boundary.END, Beat(0))


def waiting(
    id: str = "n",
    *,
    laid: int = 100,
    delivery: Delivery = Delivery.WHEN_IDLE,
    kind: NoteKind = NoteKind.RESULT,
    expires: int = 3100,
    text: str = "It leaves at ten.",
    heard: int = 0,
) -> Waiting:
    return Waiting(Note(NoteId(id), kind, text, delivery=delivery), Beat(laid), Beat(expires), heard)


def decide(situation: Situation, *notes: Waiting) -> dict[str, tuple[DecisionKind, str]]:
    return {each.note: (each.kind, each.reason) for each in weave_when_it_suits(situation, notes)}


def test_a_note_is_offered_at_once_when_nobody_has_spoken_for_a_while() -> None:
    assert decide(OPEN, waiting()) == {"n": (DecisionKind.WEAVE, "floor_open")}


@pytest.mark.parametrize(("silent", "kind"), [(1, DecisionKind.HOLD), (3, DecisionKind.HOLD), (4, DecisionKind.WEAVE)])
def test_it_waits_until_the_person_has_paused_for_four_beats(silent: int, kind: DecisionKind) -> None:
    assert decide(msgspec.structs.replace(OPEN, silent_beats=silent), waiting())["n"][0] is kind


def test_the_pause_may_be_shorter_the_longer_a_note_has_waited_but_never_under_two_beats() -> None:
    assert [required_silence(waited) for waited in (0, 19, 20, 39, 40, 60, 4000)] == [4, 4, 3, 3, 2, 2, 2]


@pytest.mark.parametrize("floor", [Floor.PERSON, Floor.BOTH])
def test_while_the_person_speaks_only_interrupting_notes_are_offered(floor: Floor) -> None:
    speaking = msgspec.structs.replace(OPEN, floor=floor, silent_beats=0)
    decisions = decide(speaking, waiting("a", laid=0), waiting("b", delivery=Delivery.INTERRUPT))
    assert decisions == {"a": (DecisionKind.HOLD, "another_note"), "b": (DecisionKind.INTERRUPT, "interrupt")}
    assert decide(speaking, waiting("a", laid=0)) == {"a": (DecisionKind.HOLD, "person_speaking")}


@pytest.mark.parametrize(
    ("waited", "boundary", "expected"),
    [
        (4, Boundary.CLAUSE, (DecisionKind.HOLD, "agent_speaking")),
        (5, Boundary.WORD, (DecisionKind.HOLD, "agent_speaking")),
        (5, Boundary.CLAUSE, (DecisionKind.WEAVE, "clause_boundary")),
        (8, Boundary.WORD, (DecisionKind.HOLD, "agent_speaking")),
        (9, Boundary.WORD, (DecisionKind.WEAVE, "word_boundary")),
        (9, Boundary.NONE, (DecisionKind.HOLD, "agent_speaking")),
        (10, Boundary.NONE, (DecisionKind.WEAVE, "bound_reached")),
    ],
)
def test_inside_the_agents_own_speech_the_wait_is_bounded(
    waited: int, boundary: Boundary, expected: tuple[DecisionKind, str]
) -> None:
    speaking = msgspec.structs.replace(OPEN, floor=Floor.AGENT, boundary=boundary)
    assert decide(speaking, waiting(laid=100 - waited))["n"] == expected


def test_a_note_that_waited_before_the_agent_began_lets_it_begin() -> None:
    begun = msgspec.structs.replace(OPEN, floor=Floor.AGENT, boundary=Boundary.CLAUSE, speaking_since=Beat(97))
    assert decide(begun, waiting(laid=60))["n"] == (DecisionKind.HOLD, "agent_speaking")
    later = msgspec.structs.replace(begun, speaking_since=Beat(95))
    assert decide(later, waiting(laid=60))["n"] == (DecisionKind.WEAVE, "clause_boundary")


def test_a_silent_note_enters_the_context_whoever_speaks() -> None:
    speaking = msgspec.structs.replace(OPEN, floor=Floor.BOTH, silent_beats=0)
    assert decide(speaking, waiting(delivery=Delivery.SILENT))["n"] == (DecisionKind.SILENT, "silent")


def test_one_note_at_a_time_is_spoken() -> None:
    decisions = decide(OPEN, waiting("a", laid=90), waiting("b", laid=95))
    assert decisions == {"a": (DecisionKind.WEAVE, "floor_open"), "b": (DecisionKind.HOLD, "another_note")}
    during = msgspec.structs.replace(OPEN, floor=Floor.AGENT, boundary=Boundary.CLAUSE, voicing=waiting("a").note)
    assert decide(during, waiting("b", laid=50)) == {"b": (DecisionKind.HOLD, "another_note")}


def test_an_interrupting_note_breaks_into_a_note_but_not_into_another_interrupting_one() -> None:
    urgent = waiting("b", delivery=Delivery.INTERRUPT)
    ordinary = msgspec.structs.replace(OPEN, floor=Floor.AGENT, voicing=waiting("a").note)
    assert decide(ordinary, urgent)["b"][0] is DecisionKind.INTERRUPT
    alike = msgspec.structs.replace(ordinary, voicing=waiting("a", delivery=Delivery.INTERRUPT).note)
    assert decide(alike, urgent)["b"] == (DecisionKind.HOLD, "another_note")


def first(*notes: Waiting) -> str:
    return next(each.note for each in weave_when_it_suits(OPEN, notes) if each.kind is DecisionKind.WEAVE)


def test_overdue_notes_go_first_then_those_with_the_least_time_left() -> None:
    assert first(waiting("fresh", expires=110), waiting("overdue", laid=59)) == "overdue"
    assert first(waiting("later", expires=900), waiting("sooner", expires=300)) == "sooner"
    assert first(waiting("short", expires=300), waiting("long", expires=310, text="word " * 100)) == "long"
    assert (
        first(waiting("came first", laid=98, expires=300), waiting("came next", laid=99, expires=290)) == "came first"
    )


def test_results_go_before_progress() -> None:
    assert first(waiting("progress", laid=90, kind=NoteKind.PROGRESS, expires=101), waiting("result")) == "result"


def test_a_model_that_times_notes_itself_gets_all_at_once() -> None:
    both = Situation(Beat(100), Floor.BOTH, 0, Boundary.NONE, Beat(0))
    notes = (waiting("a"), waiting("b", delivery=Delivery.SILENT), waiting("c"))
    kinds = {each.note: each.kind for each in weave_at_once(both, notes)}
    assert kinds == {"a": DecisionKind.WEAVE, "b": DecisionKind.SILENT, "c": DecisionKind.WEAVE}


class Patient:
    def __call__(self, situation, waiting):
        return weave_when_it_suits(situation, waiting)


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        (weave_when_it_suits, "counterpoint.interaction.policy:weave_when_it_suits"),
        (partial(weave_when_it_suits), "functools:partial"),
        (Patient(), f"{__name__}:Patient"),
    ],
)
def test_the_log_names_whatever_decided(policy, name: str) -> None:
    assert name_of(policy) == name
