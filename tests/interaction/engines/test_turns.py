import pytest

from counterpoint.interaction.engines.turns import (
    Answer,
    Ask,
    CallOff,
    Correct,
    Overlap,
    Quiet,
    asks,
    is_backchannel,
    meant,
    overlap,
    promises,
    reply_to,
    same,
    stops_at_clause,
)


@pytest.mark.parametrize("text", ["ok", "Mhm.", "right, right", "yeah", "I see", "uh-huh", "got it!"])
def test_short_signs_of_listening_let_the_agent_go_on(text: str) -> None:
    assert is_backchannel(text)
    assert overlap(text, done=True) is Overlap.GO_ON


@pytest.mark.parametrize("text", ["no", "right now", "ok but when?", "really?", "wait", "I see a problem", "go away"])
def test_anything_more_than_a_sign_of_listening_stops_the_agent(text: str) -> None:
    assert overlap(text, done=True) is Overlap.STOP


@pytest.mark.parametrize("text", ["", "o", "ok", "ri", "got", "i", "uh", "ok r"])
def test_what_may_still_become_a_sign_of_listening_is_waited_for(text: str) -> None:
    assert overlap(text, done=False) is Overlap.UNDECIDED


@pytest.mark.parametrize("text", ["wh", "b", "ok bu", "i want", "got me", "stop"])
def test_the_agent_stops_at_the_first_key_that_cannot_become_a_sign_of_listening(text: str) -> None:
    assert overlap(text, done=False) is Overlap.STOP


def test_between_clauses_a_half_typed_word_takes_the_floor_and_ok_does_not() -> None:
    assert stops_at_clause("o")
    assert not stops_at_clause("ok")
    assert not stops_at_clause("")


@pytest.mark.parametrize(
    "line",
    [
        "When does the train to Bern leave?",
        "find me a hotel in Lisbon",
        "Tell me about the opening hours",
        "I'd like to know the price of the blue one",
        "Hi, when's lunch?",
        "Thanks. And what does it cost",
        "what's the weather like",
        "cancel my subscription",
        "Please cancel my subscription.",
    ],
)
def test_what_asks_for_something_is_handed_on_in_the_persons_own_words(line: str) -> None:
    assert reply_to(line, live=False, asked=False, cut=False) == Ask(line)


@pytest.mark.parametrize(
    "line",
    [
        "Hi!",
        "hello there",
        "Thanks a lot",
        "How are you today?",
        "What's your name?",
        "tell me a joke",
        "No, thanks.",
        "I am here.",
    ],
)
def test_small_talk_and_statements_are_answered_by_the_model_itself(line: str) -> None:
    assert reply_to(line, live=False, asked=False, cut=False) == Answer()
    assert reply_to(line, live=True, asked=True, cut=False) == Answer()


@pytest.mark.parametrize(
    "line", ["never mind", "Forget it.", "Oh, don't bother", "Cancel that, please", "stop", "drop it"]
)
def test_what_is_no_longer_wanted_is_called_off_while_it_is_live(line: str) -> None:
    assert isinstance(reply_to(line, live=True, asked=True, cut=False), CallOff)


def test_a_nod_is_answered_only_where_the_agent_has_asked_something() -> None:
    assert reply_to("ok") == Quiet()
    assert reply_to("yes", questioned=True) == Answer()


def test_nothing_is_called_off_when_nothing_is_live() -> None:
    assert reply_to("never mind", live=False, asked=True, cut=False) == Answer()
    assert reply_to("stop", live=False, asked=False, cut=False) == Quiet()


def test_a_bare_stop_into_a_note_stops_the_speech_and_not_the_work() -> None:
    assert reply_to("stop", live=True, asked=True, cut=True) == Quiet()
    assert isinstance(reply_to("never mind", live=True, asked=True, cut=True), CallOff)


@pytest.mark.parametrize("line", ["wait", "hold on", "Wait a second", "be quiet, please", "just a moment"])
def test_a_person_who_wants_a_moment_gets_silence_and_nothing_is_called_off(line: str) -> None:
    assert reply_to(line, live=True) == Quiet()


def test_calling_off_and_asking_for_something_else_in_one_line() -> None:
    reply = reply_to("Never mind the turtle report, what time is it?", live=True, asked=True, cut=False)
    assert reply == CallOff("Never mind the turtle report,", "what time is it?")


@pytest.mark.parametrize(
    "line", ["No, I meant Zurich.", "actually, make it two nights", "Sorry, not Monday, Tuesday", "I mean the red one"]
)
def test_a_correction_of_what_is_live_is_not_a_new_request(line: str) -> None:
    assert reply_to(line, live=True, asked=False, cut=False) == Correct(line)


def test_a_correction_of_nothing_is_a_line_like_any_other() -> None:
    assert reply_to("Actually, I like trains.", live=False, asked=False, cut=False) == Answer()
    assert reply_to("No, I meant Zurich.", live=False, asked=True, cut=False) == Correct("No, I meant Zurich.")


def test_the_request_that_is_meant_is_the_one_whose_words_are_named() -> None:
    live = ["Write a report about sea turtles", "Write a report about volcanoes"]
    assert meant("forget the turtle one", live) == 0
    assert meant("drop the volcano report", live) == 1
    assert meant("never mind", live) is None


def test_requests_are_the_same_but_for_case_spacing_and_marks() -> None:
    assert same("What time is it?", "what  time is it")
    assert not same("What time is it?", "What time is it in Bern?")


def test_a_promise_to_look_something_up_is_noticed() -> None:
    assert promises("Sure, let me check that for you.")
    assert promises("I'll look into it")
    assert not promises("The check-in is at three.")


def test_requests_inside_a_longer_line_are_found() -> None:
    assert asks("I have been here before. Find the nearest exit")
    assert not asks("I have been here before. The exit was near")
