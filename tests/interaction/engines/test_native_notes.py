"""Text and notes as the native model reads them, and what saying a note's words has voiced of it."""

from itertools import pairwise

import pytest

from counterpoint.interaction.engines.native_notes import Reciting
from counterpoint.interaction.engines.native_spelling import Typing, spell
from counterpoint.interaction.model import Offer
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.notes import Delivery, Note, NoteKind

TEXT = "It is 14 degrees, and sunny!"


def words(text: str) -> list[str]:
    return [each.word for each in spell(text)]


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("Look: the DOG, please.", ["look", "the", "dog", "please"]),
        ("at 7 or 13", ["at", "seven", "or", "thirteen"]),
        ("42 and 90", ["forty", "two", "and", "ninety"]),
        ("10 20 100 305", ["ten", "twenty", "hundred", "three", "zero", "five"]),
        ("Zürich doesn't", ["zürich", "doesn't"]),
        ("?!, ", []),
    ],
)
def test_text_becomes_words(text: str, spelled: list[str]) -> None:
    assert words(text) == spelled


def test_every_number_up_to_a_hundred_can_be_said() -> None:
    assert all(word in v.IDS for number in range(101) for word in words(str(number)))


def test_a_word_that_is_being_typed_is_read_once_it_is_whole() -> None:
    typing = Typing()
    assert typing.words((TextChunk("say bl", done=False),)) == ("say",)
    assert typing.words((TextChunk("ue", done=False),)) == ()
    assert typing.words((TextChunk(" now"),)) == ("blue", "now")
    assert typing.words((TextChunk("spoken", typed=False),)) == ("spoken",)


def offered(text: str = TEXT, *, heard: int = 0, how: Delivery = Delivery.WHEN_IDLE, id: str = "n") -> Offer:
    return Offer(Note(NoteId(id), NoteKind.RESULT, text), how, heard)


def recited(reciting: Reciting, said: str) -> tuple[str, list[Voiced]]:
    text, voiced = "", list[Voiced]()
    for word in said.split():
        written, one = reciting.say(word, 0)
        text += f" {written}"
        voiced += [one] if one else []
    return text.strip(), voiced


def test_saying_a_note_s_words_voices_it_to_its_end_in_its_own_spelling() -> None:
    reciting = Reciting()
    assert reciting.take(offered()) == ("<result>", "it is fourteen degrees and sunny", "background")
    text, voiced = recited(reciting, "it is fourteen degrees and sunny")
    assert text == "It is 14 degrees and sunny!"
    assert (voiced[0].start, voiced[-1].end) == (0, len(TEXT))
    assert all(one.end <= two.start for one, two in pairwise(voiced))


def test_a_number_of_two_words_is_written_once() -> None:
    reciting = Reciting()
    reciting.take(offered("42 euros"))
    assert recited(reciting, "forty two euros")[0].split() == ["42", "euros"]


def test_words_that_the_model_lacks_are_told_by_stand_ins_and_written_as_they_are() -> None:
    reciting = Reciting()
    read = reciting.take(offered("Zürich and Brno: from Zürich, at 9."))[1].split()
    assert all(word in v.IDS for word in read)
    assert read[0] == read[4] != read[2]
    assert recited(reciting, " ".join(read))[0] == "Zürich and Brno from Zürich at 9."


def test_a_long_note_of_strange_words_runs_out_of_stand_ins_and_is_survived() -> None:
    kind, read, _ = Reciting().take(offered(" ".join(f"{chr(97 + n // 26)}{chr(97 + n % 26)}q" for n in range(500))))
    assert kind == "<result>"
    assert len(read.split()) == 500


def test_what_has_been_heard_already_is_not_read_again() -> None:
    reciting = Reciting()
    assert reciting.take(offered(heard=TEXT.index("and")))[1] == "and sunny"
    assert recited(reciting, "and sunny")[1][-1].end == len(TEXT)


def test_other_words_voice_nothing_and_a_silent_note_is_context_only() -> None:
    reciting = Reciting()
    reciting.take(offered())
    assert recited(reciting, "green") == ("green", [])
    silent = Reciting()
    assert silent.take(offered(how=Delivery.SILENT))[0] == "<progress>"
    assert recited(silent, "it is")[1] == []


def test_two_notes_are_told_apart_and_one_offered_again_starts_anew() -> None:
    reciting = Reciting()
    reciting.take(offered("it is open", id="a"))
    reciting.take(offered("it is closed", id="b"))
    assert [each.note for each in recited(reciting, "it is open")[1]] == ["a", "a", "a"]
    assert [each.note for each in recited(reciting, "it is")[1]] == ["b", "b"]
    reciting.take(offered("it is closed", id="b"))
    assert [each.start for each in recited(reciting, "it is closed")[1]] == [0, 3, 6]


def test_many_notes_that_are_never_spoken_are_forgotten() -> None:
    reciting = Reciting()
    for number in range(30):
        reciting.take(offered("red green", id=str(number)))
    assert recited(reciting, "red")[1][0].note == "22"
