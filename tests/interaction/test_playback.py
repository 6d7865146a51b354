"""What the person heard of what the agent said: acknowledged, assumed in time, or cut by a flush."""

import pytest

from counterpoint.interaction.playback import REMEMBERED_NOTES, Hearing, Playback
from counterpoint.shared_context.entries import Played, Unheard
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import Beat, NoteId

HORIZON = 2
NOTE = NoteId("note")


def playback(buffer: int = 0) -> Playback:
    return Playback(HORIZON, buffer)


def say(playback: Playback, beat: int, text: str, *, samples: int = 0, voiced=(), part: int = 0, span: int = 1) -> None:
    playback.expressed(Beat(beat), part, span, text, samples, voiced)


def played(playback: Playback, beat: int, part: int = 0, **counts) -> list[Played]:
    return playback.played(Beat(beat), part, now=Beat(beat + 1), **counts)


def test_what_is_acknowledged_is_heard_and_settled():
    listener = playback()
    say(listener, 3, "The next train ")
    assert not listener.settled
    assert played(listener, 3, words=3) == [Played(Beat(3), words=3)]
    assert listener.settled
    assert listener.unheard() is None


def test_an_acknowledgement_without_counts_means_all_of_it():
    listener = playback()
    say(listener, 3, "The next train ", samples=4800)
    assert played(listener, 3) == [Played(Beat(3), words=3, samples=4800)]


def test_acknowledgements_may_come_in_parts_and_only_news_is_logged():
    listener = playback()
    say(listener, 3, "one two three", samples=3200)
    assert played(listener, 3, words=1) == [Played(Beat(3), words=1)]
    assert played(listener, 3, words=1) == []
    assert played(listener, 3, words=0) == []
    assert played(listener, 3, samples=1600) == [Played(Beat(3), samples=1600)]
    assert played(listener, 3, samples=1600) == []
    assert played(listener, 3, samples=2400) == [Played(Beat(3), samples=2400)]
    assert played(listener, 3, samples=3200) == [Played(Beat(3), words=3, samples=3200)]


@pytest.mark.parametrize(("words", "heard"), [(-5, 0), (0, 0), (2, 2), (99, 3)])
def test_counts_outside_of_what_there_is_are_clamped(words, heard):
    listener = playback()
    say(listener, 3, "one two three")
    bodies = played(listener, 3, words=words)
    assert [body.words for body in bodies] == [heard]
    assert listener.settled is (heard == 3)


@pytest.mark.parametrize(("samples", "heard"), [(-1, 0), (1, 0), (1599, 0), (10**9, 2)])
def test_sound_maps_to_text_proportionally_and_half_a_word_is_not_heard(samples, heard):
    listener = playback()
    say(listener, 3, "fourteen minutes", samples=3200)
    played(listener, 3, samples=samples)
    listener.flush(Beat(4))
    cut = listener.tick(Beat(6))
    assert [body.words for body in cut] == ([] if heard == 2 else [heard])


def test_sound_reported_for_text_that_has_none_says_nothing():
    listener = playback()
    say(listener, 3, "one two")
    assert played(listener, 3, samples=5000) == [Played(Beat(3), words=0)]
    assert not listener.settled


def test_sound_without_text_is_settled_by_its_samples():
    listener = playback()
    say(listener, 3, "", samples=3200)
    assert played(listener, 3, words=2) == [Played(Beat(3), samples=0)]
    assert played(listener, 3, samples=3200) == [Played(Beat(3), samples=3200)]


@pytest.mark.parametrize(("beat", "part"), [(99, 0), (3, 1), (-1, 0)])
def test_an_acknowledgement_of_an_unknown_or_future_turn_is_ignored(beat, part):
    listener = playback()
    say(listener, 3, "one two")
    assert played(listener, beat, part, words=1) == []
    assert not listener.settled


def test_an_acknowledgement_of_a_settled_turn_changes_nothing():
    listener = playback()
    say(listener, 3, "one two")
    played(listener, 3, words=2)
    assert played(listener, 3, words=2) == []
    assert played(listener, 3, words=0) == []
    assert listener.tick(Beat(100)) == []


def test_what_plays_now_says_that_everything_before_it_was_played():
    listener = playback()
    for beat in (3, 4, 5):
        say(listener, beat, "one two ")
    assert played(listener, 5, words=1) == [
        Played(Beat(3), words=2, assumed=True),
        Played(Beat(4), words=2, assumed=True),
        Played(Beat(5), words=1),
    ]


def test_that_nothing_of_a_turn_was_played_yet_says_nothing_of_those_before_it():
    listener = playback()
    for beat in (3, 4):
        say(listener, beat, "one two ")
    assert played(listener, 4, words=0) == [Played(Beat(4), words=0)]
    assert played(listener, 3, words=1) == [Played(Beat(3), words=1)]


def test_early_parts_are_played_before_the_step_on_the_grid():
    listener = playback()
    say(listener, 3, "one ", part=1, span=0)
    say(listener, 3, "two ", part=2, span=0)
    say(listener, 3, "three ")
    assert played(listener, 3, 2, words=1) == [Played(Beat(3), 1, words=1, assumed=True), Played(Beat(3), 2, words=1)]
    assert played(listener, 3, 0, words=1) == [Played(Beat(3), words=1)]


@pytest.mark.parametrize("buffer", [0, 3])
@pytest.mark.parametrize("span", [0, 1, 4])
def test_what_nobody_acknowledges_is_assumed_heard_after_duration_horizon_and_buffer(buffer, span):
    listener = playback(buffer)
    say(listener, 10, "one two", span=span)
    due = 10 + max(span, 1) + HORIZON + buffer
    assert listener.tick(Beat(due - 1)) == []
    assert listener.tick(Beat(due)) == [Played(Beat(10), words=2, assumed=True)]
    assert listener.settled
    assert listener.unheard() is None


def test_turns_are_assumed_heard_in_the_order_in_which_they_play():
    listener = playback()
    say(listener, 10, "a long catching up", span=5)
    say(listener, 11, "and on")
    assert listener.tick(Beat(16)) == []
    assert [body.turn for body in listener.tick(Beat(17))] == [10, 11]


def test_silence_costs_nothing_and_is_not_waited_for():
    listener = playback()
    say(listener, 3, "")
    assert listener.settled
    listener.flush(Beat(4))
    assert listener.tick(Beat(100)) == []


# Flush


def spoken() -> Playback:
    """A listener that acknowledges, with three turns on their way when the person breaks in at beat 13."""
    listener = playback()
    say(listener, 9, "Well, ")
    played(listener, 9)
    say(listener, 10, "the next train ")
    say(listener, 11, "leaves at ten ")
    say(listener, 12, "from platform three.")
    listener.flush(Beat(13))
    return listener


def test_after_a_flush_the_rest_is_cut_where_the_listener_stopped():
    listener = spoken()
    assert played(listener, 11, words=1) == [Played(Beat(10), words=3, assumed=True), Played(Beat(11), words=1)]
    assert listener.unheard() is None
    assert listener.tick(Beat(14)) == [Played(Beat(11), words=1, cut=True), Played(Beat(12), words=0, cut=True)]
    assert listener.settled
    assert listener.unheard() == Unheard(Beat(11), " at ten from platform three.")
    assert listener.unheard() is None


def test_several_answers_before_the_next_beat_count_as_the_furthest():
    listener = spoken()
    played(listener, 11, words=1)
    played(listener, 11, words=2)
    listener.tick(Beat(14))
    assert listener.unheard() == Unheard(Beat(11), " ten from platform three.")


def test_the_answer_may_be_that_nothing_of_a_turn_was_played():
    listener = spoken()
    assert played(listener, 11, words=0) == [Played(Beat(10), words=3, assumed=True), Played(Beat(11), words=0)]
    listener.tick(Beat(14))
    assert listener.unheard() == Unheard(Beat(11), "leaves at ten from platform three.")


def test_a_listener_may_answer_for_each_turn():
    listener = spoken()
    played(listener, 10, words=2)
    played(listener, 11, words=0)
    played(listener, 12, words=0)
    listener.tick(Beat(14))
    assert listener.unheard() == Unheard(Beat(10), " train leaves at ten from platform three.")


def test_what_was_played_before_the_flush_arrived_is_no_answer_yet():
    listener = spoken()
    assert played(listener, 10, words=3) == [Played(Beat(10), words=3)]
    assert listener.tick(Beat(14)) == []
    assert listener.unheard() is None
    assert [body.turn for body in listener.tick(Beat(13 + HORIZON))] == [11, 12]
    assert listener.unheard() == Unheard(Beat(11), "leaves at ten from platform three.")


def test_without_an_answer_the_unacknowledged_is_cut_after_the_horizon():
    listener = spoken()
    assert listener.tick(Beat(14)) == []
    bodies = listener.tick(Beat(15))
    assert [(body.turn, body.words, body.cut, body.assumed) for body in bodies] == [
        (10, 0, True, True),
        (11, 0, True, True),
        (12, 0, True, True),
    ]
    assert listener.unheard() == Unheard(Beat(10), "the next train leaves at ten from platform three.")


def test_an_answer_that_comes_too_late_changes_nothing():
    listener = spoken()
    listener.tick(Beat(15))
    assert played(listener, 11, words=2) == []
    assert listener.unheard() == Unheard(Beat(10), "the next train leaves at ten from platform three.")


def test_everything_played_after_all_leaves_nothing_unheard():
    listener = spoken()
    for beat in (10, 11, 12):
        played(listener, beat)
    assert listener.settled
    assert listener.tick(Beat(20)) == []
    assert listener.unheard() is None


def test_a_listener_that_never_acknowledges_is_judged_by_the_clock():
    """With 2 beats of buffer, what was said up to 3 beats before the flush has been played by then."""
    listener = playback(buffer=2)
    for beat in (9, 10, 11, 12):
        say(listener, beat, f"{beat} ")
    listener.flush(Beat(13))
    bodies = listener.tick(Beat(15))
    assert [(body.turn, body.cut) for body in bodies] == [(9, False), (10, False), (11, True), (12, True)]
    assert all(body.assumed for body in bodies)
    assert listener.unheard() == Unheard(Beat(11), "11 12 ")


def test_by_the_clock_nothing_is_played_before_what_precedes_it():
    listener = playback()
    say(listener, 10, "a long catching up ", span=5)
    say(listener, 11, "and on")
    listener.flush(Beat(13))
    listener.tick(Beat(15))
    assert listener.unheard() == Unheard(Beat(10), "a long catching up and on")


def test_text_that_appears_at_once_is_not_called_unheard_when_nobody_acknowledges():
    listener = playback()
    for beat in (10, 11, 12):
        say(listener, beat, f"{beat} ")
    listener.flush(Beat(13))
    listener.tick(Beat(15))
    assert listener.unheard() is None


def test_the_micro_turn_that_says_flush_is_not_flushed_itself():
    listener = spoken()
    say(listener, 13, "Yes? ")
    listener.flush(Beat(13))
    played(listener, 11, words=3)
    assert played(listener, 13) == [Played(Beat(12), words=0, cut=True), Played(Beat(13), words=1)]
    assert listener.unheard() == Unheard(Beat(12), "from platform three.")


def test_an_early_part_can_flush_what_came_before_it():
    listener = playback()
    say(listener, 9, "Well, ")
    played(listener, 9)
    say(listener, 10, "hear ", part=1, span=0)
    say(listener, 10, "Yes? ", part=2, span=0)
    listener.flush(Beat(10), 2)
    listener.tick(Beat(12))
    assert listener.unheard() == Unheard(Beat(10), "hear ")
    assert not listener.settled


def test_a_second_flush_leaves_the_first_one_to_its_answer():
    listener = spoken()
    say(listener, 13, "Sorry, go on. ")
    listener.flush(Beat(14))
    played(listener, 11, words=3)
    assert [body.turn for body in listener.tick(Beat(15))] == [12]
    assert listener.unheard() == Unheard(Beat(12), "from platform three.")
    assert [body.turn for body in listener.tick(Beat(16))] == [13]
    assert listener.unheard() == Unheard(Beat(13), "Sorry, go on. ")
    assert listener.settled


def test_sound_without_text_that_was_cut_is_reported_with_its_beat():
    listener = playback()
    say(listener, 9, "", samples=3200)
    played(listener, 9)
    say(listener, 10, "", samples=3200)
    listener.flush(Beat(11))
    played(listener, 10, samples=800)
    assert listener.tick(Beat(12)) == [Played(Beat(10), samples=800, cut=True)]
    assert listener.unheard() == Unheard(Beat(10), "")


def test_a_trailing_blank_that_was_cut_is_nothing_unheard():
    listener = playback()
    say(listener, 9, "Well,")
    played(listener, 9)
    say(listener, 10, "  ")
    listener.flush(Beat(11))
    listener.tick(Beat(13))
    assert listener.settled
    assert listener.unheard() is None


# Notes


def test_a_note_is_heard_as_far_as_its_words_were_played():
    listener = playback()
    say(listener, 10, "So: platform ", voiced=(Voiced(NOTE, 0, 9, 4),))
    say(listener, 11, "three it is", voiced=(Voiced(NOTE, 9, 20, 0),))
    assert listener.hearings() == ()
    played(listener, 10, words=1)
    assert listener.hearings() == ()
    played(listener, 10, words=2)
    assert listener.hearings() == (Hearing(NOTE, 9),)
    assert listener.hearings() == ()
    played(listener, 11, words=1)
    assert listener.hearings() == (Hearing(NOTE, 14),)
    assert listener.heard_of(NOTE) == 14
    listener.tick(Beat(20))
    assert listener.hearings() == (Hearing(NOTE, 20),)


def test_a_note_that_was_cut_says_how_much_of_it_was_heard():
    listener = playback()
    say(listener, 10, "platform ", voiced=(Voiced(NOTE, 0, 9, 0),))
    say(listener, 11, "three it is", voiced=(Voiced(NOTE, 9, 20, 0),))
    listener.flush(Beat(12))
    played(listener, 11, words=1)
    listener.tick(Beat(13))
    assert listener.hearings() == (Hearing(NOTE, 14, cut=True),)


def test_a_note_of_which_nothing_was_heard_is_cut_at_its_start():
    listener = playback()
    say(listener, 9, "Well, ")
    played(listener, 9)
    say(listener, 10, "platform three", voiced=(Voiced(NOTE, 0, 14, 0),))
    listener.flush(Beat(11))
    listener.tick(Beat(13))
    assert listener.hearings() == (Hearing(NOTE, 0, cut=True),)


def test_a_note_that_was_played_whole_is_not_cut_by_what_comes_after_it():
    listener = playback()
    say(listener, 10, "three. Anything else?", voiced=(Voiced(NOTE, 0, 6, 0),))
    listener.flush(Beat(11))
    played(listener, 10, words=2)
    listener.tick(Beat(12))
    assert listener.hearings() == (Hearing(NOTE, 6),)
    assert listener.unheard() == Unheard(Beat(10), " else?")


def test_a_note_spoken_again_from_where_it_was_heard_goes_on_counting_there():
    listener = playback()
    say(listener, 10, "platform three", voiced=(Voiced(NOTE, 0, 14, 0),))
    listener.flush(Beat(11))
    played(listener, 10, words=1)
    listener.tick(Beat(12))
    assert listener.hearings() == (Hearing(NOTE, 8, cut=True),)
    say(listener, 20, "As I said, three", voiced=(Voiced(NOTE, 8, 14, 10),))
    played(listener, 20)
    assert listener.hearings() == (Hearing(NOTE, 14),)


def test_hearing_never_goes_back():
    listener = playback()
    say(listener, 10, "platform three", voiced=(Voiced(NOTE, 0, 14, 0),))
    played(listener, 10)
    say(listener, 20, "platform three", voiced=(Voiced(NOTE, 0, 14, 0),))
    played(listener, 20, words=1)
    assert listener.heard_of(NOTE) == 14


def test_a_note_in_sound_alone_is_heard_whole_or_not():
    listener = playback()
    say(listener, 10, "", samples=3200, voiced=(Voiced(NOTE, 0, 14, 0),))
    played(listener, 10, samples=1600)
    assert listener.heard_of(NOTE) == 0
    played(listener, 10, samples=3200)
    assert listener.heard_of(NOTE) == 14


def test_a_conversation_of_any_length_is_remembered_in_bounded_space():
    listener = playback()
    for beat in range(2000):
        note = NoteId(str(beat))
        say(listener, beat, "one two", voiced=(Voiced(note, 0, 7, 0),))
        if beat % 7 == 0:
            listener.flush(Beat(beat))
        listener.tick(Beat(beat))
        listener.hearings()
        listener.unheard()
    assert len(listener._said) <= HORIZON + 2
    assert len(listener._deadlines) <= 2
    assert len(listener._notes) == REMEMBERED_NOTES
    assert listener.heard_of(NoteId("1990")) == 7


# What a listener said can be told again


@pytest.mark.parametrize("counts", [{"words": 1}, {"samples": 1700}, {"words": 1, "samples": 2900}, {"words": 0}, {}])
def test_a_logged_report_told_again_has_the_same_effect(counts):
    first, again = playback(), playback()
    for listener in (first, again):
        say(listener, 3, "one two ", samples=3200)
        listener.flush(Beat(4))
    [logged] = played(first, 3, **counts)
    assert played(again, 3, words=logged.words, samples=logged.samples) == [logged]
    assert again.tick(Beat(5)) == first.tick(Beat(5))
    assert again.unheard() == first.unheard()
