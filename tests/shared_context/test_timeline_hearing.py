"""What of the agent's words, and of notes, the person heard."""

import pytest
from logbook import Logbook, voiced

from counterpoint.shared_context.entries import NoteDropped, Played, Turn, Unheard
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.hearing import characters_of_samples, characters_of_words
from counterpoint.shared_context.ids import Beat, NoteId
from counterpoint.shared_context.notes import Delivery
from counterpoint.shared_context.package import Speaker
from counterpoint.shared_context.timeline.laid_notes import LaidNote


def heard(log: Logbook) -> list[tuple[str, str]]:
    """What was heard and what was not, of each of the agent's utterances."""
    agent = [each for each in log.package().utterances if each.speaker is Speaker.AGENT]
    return [(each.text[: each.heard], each.text[each.heard :]) for each in agent]


def note(log: Logbook, name: str) -> LaidNote:
    laid = log.timeline.note(NoteId(name))
    assert laid is not None
    return laid


def test_nothing_is_heard_before_it_is_played() -> None:
    log = Logbook()
    log.agent("The next train", 4)
    assert heard(log) == [("", "The next train")]


def test_words_count_as_heard_once_they_are_played() -> None:
    log = Logbook()
    log.agent("The next train", 4)
    log.agent(" leaves at ten", 5)
    log.played(4)
    log.played(5, words=2)
    assert heard(log) == [("The next train leaves at", " ten")]
    log.played(5, words=3)
    assert heard(log) == [("The next train leaves at ten", "")]


def test_samples_count_by_their_share_of_the_sound_in_whole_words() -> None:
    log = Logbook()
    log.agent("one two three four", 4, samples=3_200)
    log.played(4, samples=1_700)
    assert heard(log) == [("one two", " three four")]


def test_what_is_assumed_counts_as_heard_until_the_listener_says_otherwise() -> None:
    log = Logbook()
    log.agent("one two three", 4)
    log.played(4, assumed=True)
    assert heard(log) == [("one two three", "")]
    log.played(4, words=1)
    assert heard(log) == [("one", " two three")]


def test_an_assumption_never_takes_back_what_was_reported() -> None:
    log = Logbook()
    log.agent("one two three", 4)
    log.played(4, words=2)
    log.played(4, words=1, assumed=True)
    assert heard(log) == [("one two", " three")]


def test_a_barge_in_leaves_the_rest_unheard_for_good() -> None:
    log = Logbook()
    log.agent("The next train", 4)
    log.agent(" leaves at ten", 5)
    log.agent(" fourteen", 6)
    log.played(4)
    log.person("stop", 6)
    log.agent("", 7, flush=True)
    log.played(5, words=1, cut=True)
    log.played(6, words=0, cut=True)
    log.agent("Yes?", 9)
    log.played(9)
    log.played(6, assumed=True)
    assert heard(log) == [("The next train leaves", " at ten fourteen"), ("Yes?", "")]


def test_without_reports_of_each_micro_turn_the_unheard_end_says_what_was_missed() -> None:
    log = Logbook()
    log.agent("The next train", 4)
    log.agent(" leaves at ten", 5)
    log.agent(" fourteen", 6)
    log.agent("Sorry.", 7, flush=True)
    log.add(Turn(unheard=Unheard(Beat(5), " at ten fourteen")), 8)
    log.played(4)
    assert heard(log) == [("The next train leaves", " at ten fourteen"), ("", "Sorry.")]


def test_where_each_micro_turn_was_reported_the_unheard_words_say_nothing_more() -> None:
    log = Logbook()
    log.agent("one two", 4)
    log.agent(" three", 5)
    log.played(4, words=1, cut=True)
    log.played(5)
    log.add(Turn(unheard=Unheard(Beat(4), " two")), 8)
    assert heard(log) == [("one", " two"), ("three", "")]


def test_an_unheard_end_that_is_spelled_otherwise_still_counts_by_its_length() -> None:
    log = Logbook()
    log.agent("one two three", 4)
    log.add(Turn(unheard=Unheard(Beat(4), "Three")), 8)
    assert heard(log) == [("one two ", "three")]


def test_an_unheard_end_counts_from_the_last_time_the_words_were_said() -> None:
    log = Logbook()
    log.agent("Yes. Yes.", 4)
    log.add(Turn(unheard=Unheard(Beat(4), "Yes.")), 8)
    assert heard(log) == [("Yes. ", "Yes.")]


def test_what_is_heard_after_a_cut_is_an_utterance_of_its_own() -> None:
    log = Logbook()
    log.agent("one two", 4)
    log.agent(" three four", 5)
    log.agent(" five", 6)
    log.played(4)
    log.played(5, words=1, cut=True)
    log.played(6)
    assert heard(log) == [("one two three", " four"), ("five", "")]


def test_sound_that_the_listener_makes_itself_counts_when_any_of_it_was_played() -> None:
    log = Logbook()
    log.agent("one two", 4)
    log.agent(" three", 5)
    log.played(4, samples=10)
    log.played(5, samples=0)
    assert heard(log) == [("one two", " three")]


def test_counts_outside_of_what_was_said_are_clamped() -> None:
    assert characters_of_words("one two", 9) == 7
    assert characters_of_words("one two", -3) == 0
    assert characters_of_samples("one two", -3, 10) == 0
    assert characters_of_samples("one two", 99, 10) == 7


def test_a_note_is_pending_until_all_of_it_was_heard() -> None:
    log = Logbook()
    log.finds("n1", "ten fourteen, platform three")
    log.add(Turn(woven=(NoteId("n1"),), text="ten fourteen,", voiced=voiced("n1", 0, 13), boundary=Boundary.CLAUSE), 6)
    log.agent(" platform three", 7, voiced=voiced("n1", 13, 28))
    assert (note(log, "n1").offered, note(log, "n1").voiced, note(log, "n1").heard) == (True, 28, 0)
    log.played(6)
    log.played(7, words=1)
    assert note(log, "n1").heard == 22
    assert [each.note.id for each in log.timeline.pending_notes()] == ["n1"]
    log.played(7)
    assert log.timeline.pending_notes() == ()


def test_of_a_note_inside_other_words_only_its_own_words_count() -> None:
    log = Logbook()
    log.finds("n1", "ten fourteen")
    log.agent("By the way: ten fourteen", 6, voiced=voiced("n1", 0, 12, 12))
    log.played(6, words=3)
    assert note(log, "n1").heard == 0
    log.played(6, words=4)
    assert note(log, "n1").heard == 3


def test_a_note_said_again_after_an_interruption_counts_each_character_once() -> None:
    log = Logbook()
    log.finds("n1", "ten fourteen, platform three")
    log.agent("ten fourteen, platform", 6, voiced=voiced("n1", 0, 22))
    log.played(6, words=2, cut=True)
    assert note(log, "n1").heard == 13
    log.agent("ten fourteen, platform three", 12, voiced=voiced("n1", 0, 28))
    assert (note(log, "n1").voiced, note(log, "n1").heard) == (28, 13)
    log.played(12, words=2)
    assert note(log, "n1").heard == 13
    log.played(12)
    assert note(log, "n1").heard == 28


def test_a_note_of_pure_sound_is_heard_when_the_sound_was_played_to_its_end() -> None:
    log = Logbook()
    log.finds("n1", "ten fourteen")
    log.add(Turn(samples=3_200, voiced=voiced("n1", 0, 12)), 6)
    log.played(6, samples=1_600)
    assert note(log, "n1").heard == 0
    log.played(6, samples=3_200)
    assert note(log, "n1").heard == 12


def test_a_dropped_note_says_why_and_is_not_pending() -> None:
    log = Logbook()
    log.finds("n1", "ten fourteen")
    log.add(NoteDropped(NoteId("n1"), "expired"), 9)
    assert note(log, "n1").dropped == "expired"
    assert log.timeline.pending_notes() == ()


def test_an_unvoiced_note_is_superseded_by_a_newer_one_with_its_key() -> None:
    log = Logbook()
    log.finds("n1", "looking", key="status")
    log.finds("n2", "still looking", key="status")
    assert note(log, "n1").dropped == "superseded by n2"
    assert [each.note.id for each in log.timeline.pending_notes()] == ["n2"]


def test_a_voiced_note_is_not_superseded() -> None:
    log = Logbook()
    log.finds("n1", "looking", key="status")
    log.agent("look", 4, voiced=voiced("n1", 0, 4))
    log.finds("n2", "still looking", key="status")
    assert note(log, "n1").dropped == ""


def test_a_silent_note_is_done_with_once_it_was_offered() -> None:
    log = Logbook()
    log.finds("n1", "the person's name is Ada", delivery=Delivery.SILENT)
    assert note(log, "n1").pending
    log.add(Turn(woven=(NoteId("n1"),)), 4)
    assert not note(log, "n1").pending


@pytest.mark.parametrize("played", [Played(Beat(6)), Played(Beat(6), words=4)])
def test_what_was_heard_of_a_note_stays_so_when_its_words_are_folded_away(played: Played) -> None:
    log = Logbook()
    log.finds("n1", "ten fourteen, platform three, and more")
    log.agent("ten fourteen, platform three", 6, voiced=voiced("n1", 0, 28))
    log.add(played, 7)
    for beat in range(10, 900, 3):
        log.person("la", beat)
    log.add(Played(Beat(6), words=0, cut=True), 901)
    assert note(log, "n1").heard == 28
