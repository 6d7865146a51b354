"""A listener knows with what to come back: how far it played, in numbers."""

import msgspec
import pytest

from counterpoint.errors import ChunkRefused, TokenRefused
from counterpoint.interaction.listener import REMEMBERED_NOTES, Listener
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import Beat, ConversationId, NoteId, SessionId
from counterpoint.shared_context.resume_token import LONGEST_TOKEN, TOKEN_VERSION, ResumeToken

CONVERSATION, SESSION, NOTE = ConversationId("station"), SessionId("s1"), NoteId("n1")


def listening() -> Listener:
    return Listener(CONVERSATION, SESSION)


def turn(beat: int, text: str = "", *, part: int = 0, start: int | None = None, **fields: object) -> MicroTurn:
    """`start`: it voices the note from that character on."""
    voiced = () if start is None else (Voiced(NOTE, start, start + len(text)),)
    return MicroTurn(Beat(beat), part, text=text, voiced=voiced, **fields)


def told(listener: Listener) -> tuple[object, ...]:
    token = listener.token
    return token.beat, token.part, token.words, token.notes.get(NOTE, 0)


def test_before_anything_was_played_the_token_says_so() -> None:
    listener = listening()
    listener.given(turn(3, "The train"))
    assert listener.token == ResumeToken(CONVERSATION, SESSION)


def test_a_token_says_how_far_a_micro_turn_and_its_note_were_played() -> None:
    listener = listening()
    first, second = turn(3, "The train", start=0), turn(4, " leaves at ten", start=9)
    listener.given(first)
    listener.given(second)
    listener.played(first)
    assert told(listener) == (3, 0, None, 9)
    listener.played(second, words=2)
    assert told(listener) == (4, 0, 2, len("The train leaves at"))
    listener.played(second, words=3)
    assert told(listener) == (4, 0, None, len("The train leaves at ten"))


def test_sound_is_counted_in_samples() -> None:
    listener = listening()
    sound = turn(3, "The train", start=0, audio=bytes(6400))
    listener.given(sound)
    listener.played(sound, samples=1600)
    assert (listener.token.samples, listener.token.notes) == (1600, {NOTE: 3})


def test_what_was_not_begun_does_not_count_as_played() -> None:
    listener = listening()
    first, second = turn(3, "The train", start=0), turn(4, " leaves", start=9)
    for each in (first, second):
        listener.given(each)
    listener.played(first, words=1)
    listener.played(second, words=0)
    assert told(listener) == (3, 0, 1, 3)


def test_a_report_about_a_later_micro_turn_says_that_those_before_it_were_played() -> None:
    listener = listening()
    turns = [turn(3, "The train", start=0), turn(4, " leaves", start=9), turn(5, " at ten", start=16)]
    for each in turns:
        listener.given(each)
    listener.played(turns[2], words=1)
    assert told(listener) == (5, 0, 1, len("The train leaves at"))


def test_what_was_thrown_away_counts_as_far_as_it_was_played() -> None:
    listener = listening()
    first, second = turn(3, "The train", start=0), turn(4, " leaves at ten", start=9)
    answer = turn(5, "Yes?", flush=True)
    for each in (first, second, answer):
        listener.given(each)
    listener.played(first, words=1)
    listener.played(answer)
    assert told(listener) == (5, 0, None, 3)


def test_early_parts_come_before_the_grid_step_of_their_beat() -> None:
    listener = listening()
    early, grid = turn(3, "The", part=1, start=0), turn(3, " train", start=3)
    listener.given(early)
    listener.given(grid)
    listener.played(early)
    assert told(listener) == (3, 1, None, 3)
    listener.played(grid)
    assert told(listener) == (3, 0, None, 9)


def test_with_another_session_nothing_is_forgotten_and_the_old_one_counts_until_the_new_one_is_heard() -> None:
    listener = listening()
    first = turn(3, "The train", start=0)
    listener.given(first)
    listener.played(first)
    listener.joined(SessionId("s2"))
    assert (listener.token.session, told(listener)) == (SESSION, (3, 0, None, 9))
    second = turn(9, "leaves", start=10)
    listener.given(second)
    listener.played(second)
    assert (listener.token.session, told(listener)) == ("s2", (9, 0, None, 16))


def test_a_note_that_is_told_again_from_further_back_was_heard_as_far_as_before() -> None:
    listener = listening()
    first, again = turn(3, "The train leaves", start=0), turn(9, "train", start=4)
    for each in (first, again):
        listener.given(each)
        listener.played(each)
    assert listener.token.notes == {NOTE: 16}


def test_what_was_never_given_is_not_played() -> None:
    listener = listening()
    listener.played(turn(3, "The train", start=0))
    assert listener.token.beat is None


def test_a_count_that_is_no_number_is_refused() -> None:
    with pytest.raises(ChunkRefused):
        listening().played(turn(3), words="two")  # type: ignore[arg-type]


def test_a_token_stays_small_however_long_the_conversation() -> None:
    listener = listening()
    for beat in range(1000):
        voiced = (Voiced(NoteId(f"d{beat}.1.1"), 0, 5),)
        each = MicroTurn(Beat(beat), text="words", voiced=voiced)
        listener.given(each)
        listener.played(each)
    assert len(listener.token.notes) == REMEMBERED_NOTES
    assert len(listener.token.encode()) < LONGEST_TOKEN / 4


def test_a_token_comes_back_as_it_went() -> None:
    token = ResumeToken(ConversationId("gespräch ✓"), SESSION, Beat(7), 1, 2, None, {NoteId("n ü"): 3})
    assert ResumeToken.decode(token.encode()) == token
    assert set(token.encode()) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def sent(**fields: object) -> str:
    import base64

    body = {"conversation": "station", "session": "s1", **fields}
    return base64.urlsafe_b64encode(msgspec.json.encode(body)).decode()


def test_a_token_may_be_padded_and_leave_out_what_is_not_needed() -> None:
    assert ResumeToken.decode(sent()) == ResumeToken(CONVERSATION, SESSION)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "é",
        "e30",
        "bnVsbA",
        "A" * (LONGEST_TOKEN + 1),
        sent(beat=-1),
        sent(beat="7"),
        sent(beat=2**60),
        sent(words=1.5),
        sent(notes={"n1": -1}),
        sent(notes={"n1": "the train leaves"}),
        sent(notes={f"n{number}": 1 for number in range(300)}),
        sent(session=""),
        sent(version=0),
        sent(version=TOKEN_VERSION + 1, beat="of a kind that we do not know"),
    ],
)
def test_what_is_no_token_of_ours_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(TokenRefused, match="token"):
        ResumeToken.decode(text)
