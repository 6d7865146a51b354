"""A model that reads and writes, with ears and a voice: what a person hears of it, beat by beat, in virtual time."""

import pytest
from speech_doubles import ScriptedEars, ScriptedVoice

from counterpoint.config import AUDIO_RATE, BEAT_SECONDS
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.model import Capabilities
from counterpoint.interaction.session import Session
from counterpoint.interaction.speech.spoken import SpokenInteraction
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import Failed, NoteDropped, Turn
from counterpoint.shared_context.expressed import Boundary, Floor
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.notes import Delivery, Note, NoteKind, Then
from counterpoint.testing import ScriptedInteraction, end, play, say
from counterpoint.testing.person import sounds, types

pytestmark = pytest.mark.virtual

STORY = "Once there was a small boat, and it sailed far away, beyond the last island, until it was gone."
BEAT_BYTES = round(2 * AUDIO_RATE * BEAT_SECONDS)


def spoken(
    inner: ScriptedInteraction, ears: ScriptedEars | None = None, voice: ScriptedVoice | None = None
) -> SpokenInteraction:
    return SpokenInteraction(inner, ears or ScriptedEars(), voice or ScriptedVoice())


def telling(*script: object, **options: object) -> ScriptedInteraction:
    return ScriptedInteraction(*script, words_per_beat=5, **options)  # type: ignore[arg-type]


async def test_words_are_said_as_they_sound_and_each_piece_of_sound_is_a_beat_long() -> None:
    played = await play(Runtime(spoken(telling(say(STORY, at=1)))), beats=45)
    assert played.said == STORY
    sounding = [turn for turn in played if turn.audio]
    assert {len(turn.audio) for turn in sounding} == {BEAT_BYTES}
    assert all(turn.audio for turn in played if turn.text)
    words = len(STORY.split())
    assert len(sounding) == pytest.approx(words * 0.3 / BEAT_SECONDS, abs=4)
    assert max(len(turn.text.split()) for turn in played) <= 1
    assert played[-1].boundary is Boundary.END


async def test_the_model_inside_is_ahead_of_what_sounds_by_what_sounds_and_a_clause() -> None:
    voice = ScriptedVoice()
    inner = telling(say(STORY, at=1), partial=False)
    said_by = {}

    def note(session: Session, turn: object) -> None:
        said_by[turn.beat] = len(voice.said)  # type: ignore[attr-defined]
        session.played(turn)  # type: ignore[arg-type]

    played = await play(Runtime(spoken(inner, voice=voice)), beats=45, listener=note)
    for beat, clauses in said_by.items():
        heard = "".join(turn.text for turn in played[: beat + 1]).strip()
        begun = next(n for n in range(len(voice.said) + 1) if len(heard) <= len(" ".join(voice.said[:n])))
        assert clauses <= max(begun, 1) + 2


async def test_who_breaks_in_is_not_talked_over_for_more_than_two_beats() -> None:
    inner = telling(say(STORY, at=1))
    ears = ScriptedEars({12: "no wait, stop that"}, speech=range(10, 13))
    played = await play(Runtime(spoken(inner, ears)), sounds(range(40)), beats=40)
    stop = next(turn.beat for turn in played if turn.flush)
    known = next(turn.beat for turn in played if turn.understood)
    assert 0 <= stop - known <= 1
    assert not any(turn.audio or turn.text for turn in played if turn.beat >= stop)
    assert STORY.startswith(played.said)
    unheard = [perceived.unheard for _, perceived, _ in inner.perceived if perceived.unheard]
    assert unheard
    assert STORY[len(played.said) :].strip().startswith(unheard[0].text.strip().split()[0])


async def test_speech_stops_also_when_the_model_inside_has_said_all_it_wanted() -> None:
    inner = telling(say("That is all there is to say about it.", at=1))
    ears = ScriptedEars({8: "what about tomorrow"})
    played = await play(Runtime(spoken(inner, ears)), sounds(range(30)), beats=30)
    stop = next(turn.beat for turn in played if turn.flush)
    assert not any(turn.audio for turn in played if turn.beat >= stop)
    assert "about it" not in played.said
    assert any(perceived.unheard and "it." in perceived.unheard.text for _, perceived, _ in inner.perceived)


async def test_a_sign_of_listening_stops_nothing() -> None:
    inner = telling(say("That is all there is to say about it.", at=1), barge_in=False)
    played = await play(Runtime(spoken(inner, ScriptedEars({8: "mhm"}))), sounds(range(30)), beats=30)
    assert played.said == "That is all there is to say about it."
    assert not any(turn.flush for turn in played)


async def test_a_typed_sign_of_listening_stops_nothing_and_a_typed_question_does() -> None:
    for line, stops in (("okay", False), ("what about tomorrow?", True)):
        inner = telling(say("That is all there is to say about it.", at=1), barge_in=False)
        played = await play(Runtime(spoken(inner)), types(line, at=9, keys_per_beat=2), beats=30)
        assert any(turn.flush for turn in played) is stops


async def test_the_floor_is_the_persons_while_their_voice_is_heard() -> None:
    played = await play(Runtime(spoken(telling(), ScriptedEars(speech=range(4, 8)))), sounds(range(20)), beats=20)
    assert [turn.beat for turn in played if turn.floor is Floor.PERSON]
    assert not any(turn.understood for turn in played)


async def test_what_was_heard_is_understood_and_read_by_the_model_inside() -> None:
    inner = telling(say("Hello to you too.", on="hello"))
    played = await play(Runtime(spoken(inner, ScriptedEars({3: "hello", 5: "there"}))), sounds(range(20)), beats=25)
    assert "".join(turn.understood for turn in played) == "hello there"
    assert played.said.startswith("Hello")
    texts = [chunk for _, perceived, _ in inner.perceived for chunk in perceived.texts]
    assert [chunk.text for chunk in texts] == ["hello", "there"]
    assert not any(chunk.typed for chunk in texts)


NOTE = Note(NoteId("n"), NoteKind.RESULT, "The train leaves at ten fourteen, from platform three, on the left.")


async def test_of_a_note_that_is_cut_off_the_unheard_part_is_told_again() -> None:
    async def lay(session: Session) -> None:
        session.lay(NOTE)

    inner = telling()
    ears = ScriptedEars({14: "no wait a moment"})
    played = await play(Runtime(spoken(inner, ears)), sounds(range(90)), beats=90, also=lay)
    voiced = [each for turn in played for each in turn.voiced if each.end > each.start]
    stop = next(turn.beat for turn in played if turn.flush)
    before = [each for turn in played if turn.beat < stop for each in turn.voiced]
    assert 0 < max(each.end for each in before) < len(NOTE.text)
    assert max(each.end for each in voiced) == len(NOTE.text)
    for turn in played:
        for each in turn.voiced:
            assert turn.text[each.text_start :].startswith(NOTE.text[each.start : each.end])
    assert played.bodies(NoteDropped) == []


async def test_a_note_is_heard_within_ten_beats_in_the_middle_of_a_long_utterance() -> None:
    async def lay(session: Session) -> None:
        async for turn in _turns(session, until=15):
            del turn
        session.lay(NOTE)

    long = " ".join([STORY] * 4)
    played = await play(Runtime(spoken(telling(say(long, at=1)))), beats=80, also=lay)
    entered = next(turn.beat for turn in played if turn.woven)
    first = next(turn.beat for turn in played if any(each.end > each.start for each in turn.voiced))
    assert entered - 15 <= 10
    assert first - entered <= 2  # a word of 0.3 s is said when it has sounded to its end
    given_up = " ".join(turn.unsaid for turn in played if turn.unsaid)
    assert _dense(played.said.partition("The train")[0] + given_up) == _dense(long)


async def test_an_utterance_that_is_taken_up_again_loses_no_word() -> None:
    async def lay(session: Session) -> None:
        async for turn in _turns(session, until=10):
            del turn
        session.lay(Note(NoteId("n"), NoteKind.RESULT, "It is open.", delivery=Delivery.INTERRUPT, then=Then.RESUME))

    played = await play(Runtime(spoken(telling(say(STORY, at=1)))), beats=60, also=lay)
    assert "It is open." in played.said
    before = played.said.partition("It is open.")[0]
    assert _dense(before) in _dense(STORY)
    assert len(before.split()) >= 7


async def test_a_clause_that_the_voice_cannot_say_is_recorded_and_the_rest_is_said() -> None:
    inner = telling(say("This is fine, but %% cannot be said, and this can.", at=1))
    played = await play(Runtime(spoken(inner, voice=ScriptedVoice(cannot="%%"))), beats=30)
    assert played.said.split() == ["This", "is", "fine,", "and", "this", "can."]
    assert [failed.reason for failed in played.bodies(Failed)] == ["the voice failed: it has no such sound"]
    assert any("%%" in turn.unsaid for turn in played.bodies(Turn))


async def test_a_voice_that_never_comes_back_delays_no_beat() -> None:
    played = await play(
        Runtime(spoken(telling(say("Where is it now?", at=1)), voice=ScriptedVoice(never="Where"))), beats=20
    )
    assert len(played) == 20
    assert played.said == ""
    assert max(turn.late for turn in played) == 0


async def test_the_conversation_ends_when_its_last_words_have_sounded() -> None:
    played = await play(Runtime(spoken(telling(say("Goodbye to you, my friend.", at=1), end(at=2)))), beats=60)
    assert played.said == "Goodbye to you, my friend."
    assert len(played) < 40


async def test_ears_are_closed_with_the_session() -> None:
    ears = ScriptedEars()
    await play(Runtime(spoken(telling(), ears)), beats=3)
    assert ears.opened == 0


def test_ears_and_voice_of_different_rates_are_refused() -> None:
    ears = ScriptedEars()
    ears.capabilities = type(ears.capabilities)("ears", 8000)  # type: ignore[misc]
    with pytest.raises(ConfigurationError, match="the same rate"):
        SpokenInteraction(telling(), ears, ScriptedVoice())


def test_a_model_that_makes_no_text_is_refused() -> None:
    inner = telling()
    inner.capabilities = Capabilities("deaf", expresses=frozenset())
    with pytest.raises(ConfigurationError, match="needs no ears"):
        SpokenInteraction(inner, ScriptedEars(), ScriptedVoice())


async def _turns(session: Session, until: int):
    import anyio

    while session.beat < until:
        await anyio.sleep(BEAT_SECONDS)
        yield session.beat


def _dense(text: str) -> str:
    return "".join(text.split())
