"""When a result is woven into a conversation, as the person experiences it."""

import anyio
import pytest

from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import NoteDropped, Turn
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.notes import Delivery, Note, NoteKind
from counterpoint.testing.person import middle_of, talks, types
from counterpoint.testing.play import play
from counterpoint.testing.scripted_background import ScriptedBackground
from counterpoint.testing.scripted_interaction import ScriptedInteraction, delegate, say

pytestmark = pytest.mark.virtual


def lays(text: str, *, beat: int, **options: object):
    async def application(session: Session) -> None:
        await anyio.sleep(middle_of(beat))
        session.lay(text, **options)  # type: ignore[arg-type]

    return application


async def test_a_result_waits_until_the_person_has_paused() -> None:
    runtime = Runtime(
        interaction=ScriptedInteraction(delegate("trains", at=2)),
        background=ScriptedBackground(after=1.0, answer="10:14, platform 3"),
    )
    turns = await play(runtime, person=talks(during=range(12)), beats=20)
    assert [turn.beat for turn in turns if turn.woven] == [15]


@pytest.mark.parametrize("clauses", [True, False])
async def test_inside_a_long_utterance_the_first_word_comes_within_ten_beats(clauses: bool) -> None:
    speech = "one two three, four five six, " * 30
    model = ScriptedInteraction(say(speech, at=1), clauses=clauses)
    played = await play(Runtime(model), (), beats=60, also=lays("Your taxi is here.", beat=10))
    assert played.said_at("Your taxi") - 10 <= 10
    woven = next(turn for turn in played if turn.woven)
    assert woven.unsaid.startswith(("one", "two", "three", "four", "five", "six"))
    assert "Your taxi is here." in played.said


async def test_an_interrupting_note_is_offered_at_the_next_beat_even_while_the_person_speaks() -> None:
    fire = lays("Please leave the building.", beat=10, delivery=Delivery.INTERRUPT)
    model = ScriptedInteraction(barge_in=False)
    played = await play(Runtime(model), talks(range(30)), beats=30, also=fire)
    assert played.woven == {"Please leave the building.": 10}


async def test_a_silent_note_is_never_spoken() -> None:
    played = await play(Runtime(ScriptedInteraction()), (), also=lays("psst", beat=3, delivery=Delivery.SILENT))
    assert played.woven == {"psst": 3}
    assert played.said == ""


async def test_why_a_note_waited_stands_in_the_log() -> None:
    played = await play(Runtime(ScriptedInteraction()), talks(range(8)), also=lays("Ten o'clock.", beat=3))
    decisions = [(each.beat, each.reason) for turn in played.bodies(Turn) for each in turn.decisions]
    assert decisions == [(3, "person_speaking"), (8, "person_paused_too_briefly"), (11, "floor_open")]


async def test_a_note_whose_time_is_over_is_reported_and_the_person_is_told() -> None:
    runtime = Runtime(ScriptedInteraction(delegate("trains", at=1)), ScriptedBackground(after=0.1, answer="10:14"))

    async def too_late(session: Session) -> None:
        await anyio.sleep(middle_of(2))
        session.lay(Note(NoteId("app"), NoteKind.PARTIAL, "half", ttl=1.0))

    played = await play(runtime, talks(range(12)), beats=30, also=too_late)
    assert [(each.note, each.reason) for each in played.bodies(NoteDropped)] == [("app", "expired")]


async def test_an_answer_that_came_too_late_is_admitted() -> None:
    async def too_late(session: Session) -> None:
        await anyio.sleep(middle_of(2))
        session.lay(Note(NoteId("app"), NoteKind.RESULT, "It leaves now.", ttl=1.0))

    played = await play(Runtime(ScriptedInteraction()), talks(range(12)), beats=40, also=too_late)
    assert played.said == "I had an answer, but it came too late to be of use."


async def test_two_results_are_told_one_after_the_other() -> None:
    async def both(session: Session) -> None:
        await anyio.sleep(middle_of(3))
        session.lay("The first is short.")
        session.lay("The second is, as it happens, longer.")

    played = await play(Runtime(ScriptedInteraction()), (), beats=40, also=both)
    assert played.said == "The first is short. The second is, as it happens, longer."


async def test_an_idle_text_conversation_is_told_at_once_without_waiting_for_the_beat() -> None:
    played = await play(Runtime(ScriptedInteraction(partial=True)), (), beats=10, also=lays("Now.", beat=4))
    (turn,) = (turn for turn in played if turn.woven)
    assert (turn.beat, turn.part) == (4, 1)


async def test_a_policy_of_ones_own_decides() -> None:
    from counterpoint.shared_context.notes import Decision, DecisionKind

    def at_beat_twelve(situation, waiting):
        kind = DecisionKind.WEAVE if situation.beat >= 12 else DecisionKind.HOLD
        return [Decision(each.note.id, kind, "twelve", situation.beat) for each in waiting]

    runtime = Runtime(ScriptedInteraction(), policy=at_beat_twelve)
    played = await play(runtime, types("hello", at=1), also=lays("Noon.", beat=3))
    assert played.woven == {"Noon.": 12}
