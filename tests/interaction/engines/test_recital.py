from instruct_talk import offer

from counterpoint.interaction.engines.recital import Passage, Recital, Unit, lead_in, recital_of
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.notes import NoteKind


def all_of(recital: Recital) -> list[Unit]:
    units: list[Unit] = []
    while (unit := recital.take()) is not None:
        units.append(unit)
    return units


def test_each_word_knows_where_it_stands_in_the_note() -> None:
    told = offer("The 10:14, on time. ")
    units = all_of(recital_of(told))
    assert [told.note.text[unit.start : unit.end] for unit in units] == [unit.text for unit in units]
    assert [unit.boundary for unit in units] == [Boundary.WORD, Boundary.CLAUSE, Boundary.WORD, Boundary.END]
    assert units[-1].end == len(told.note.text)


def test_a_correction_says_that_it_is_one_unless_the_note_does() -> None:
    assert lead_in(offer("Platform 4.", kind=NoteKind.CORRECTION)) == "Correction: "
    assert lead_in(offer("Correction: platform 4.", kind=NoteKind.CORRECTION)) == ""
    assert lead_in(offer("Sorry, it is platform 4.", kind=NoteKind.CORRECTION)) == ""


def test_what_may_have_been_heard_already_is_admitted() -> None:
    assert lead_in(offer("Platform 4.", maybe_heard=True)) == "I may have told you already: "


def test_an_interrupted_note_goes_on_with_the_clause_that_was_cut() -> None:
    told = offer("The train is late, and leaves from platform 3.", heard=len("The train is late, and lea"))
    units = all_of(recital_of(told))
    assert "".join(unit.text for unit in units) == "As I was saying: and leaves from platform 3."
    voiced = [unit for unit in units if unit.note]
    assert (voiced[0].start, voiced[-1].end) == (19, len(told.note.text))


def test_a_long_clause_goes_on_with_the_word_that_was_not_heard() -> None:
    told = offer("The train that comes from the north and goes to the south is late.", heard=59)
    assert "".join(unit.text for unit in all_of(recital_of(told))) == "As I was saying: is late."


def test_what_was_cut_between_two_clauses_repeats_nothing() -> None:
    told = offer("The train is late, platform 3.", heard=len("The train is late,"))
    assert "".join(unit.text for unit in all_of(recital_of(told))) == "As I was saying: platform 3."


def test_of_a_note_that_was_heard_to_its_end_nothing_is_left_to_say() -> None:
    assert recital_of(offer("Platform 3. ", heard=11)).over
    assert recital_of(offer("   ")).over


def test_what_was_broken_into_is_taken_up_where_it_stopped() -> None:
    recital = Recital([Passage("Welcome to the station.")])
    recital.take()
    recital.take()
    assert recital.rest == "the station."
    assert "".join(unit.text for unit in all_of(recital.resumed())) == "As I was saying: the station."
