"""The delegated-delivery suite, D1 to D7: when and how a result that was worked out meanwhile reaches the person.

Synthetic, not comparable with published numbers: scripted models, virtual time, a listener that hears everything.
"""

import anyio
import pytest

from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import NoteDropped, Settled, Withdrawn
from counterpoint.shared_context.notes import NoteKind
from counterpoint.testing.person import middle_of, says, talks, types
from counterpoint.testing.play import Performance, play
from counterpoint.testing.scripted_background import Answer, ScriptedBackground
from counterpoint.testing.scripted_interaction import ScriptedInteraction, amend, delegate, say, withdraw

pytestmark = pytest.mark.virtual

WEATHER = "It is 75 degrees in San Francisco."
JOKE = "Seven ate nine so six is afraid"
STORY = "once upon a time there was a very long story that went on and on " * 5


async def test_d1_the_current_request_is_answered_first_then_the_result_unprompted_and_once() -> None:
    model = ScriptedInteraction(
        delegate("weather in San Francisco", on="weather", saying="Let me check."), say(JOKE, on="joke")
    )
    with ScriptedBackground(after=4.0, answer=WEATHER) as background:
        person = types("what is the weather", at=2) + types("tell me a joke", at=17)
        played = await play(Runtime(model, background), person, beats=60)
    model.assert_done()
    assert played.said.count(WEATHER) == 1
    assert played.said_at(JOKE) < played.said_at(WEATHER)
    assert played.said.index(JOKE) + len(JOKE) < played.said.index(WEATHER)


async def test_d2_a_result_that_lands_on_an_interrupted_turn_follows_the_next_answer() -> None:
    model = ScriptedInteraction(
        delegate("weather", on="weather"), say(STORY, on="story"), say("Six is afraid of seven", on="joke")
    )
    with ScriptedBackground(after=5.5, answer=WEATHER) as background:
        person = types("weather please", at=2) + types("a story", at=12) + says("no tell me a joke", at=29)
        played = await play(Runtime(model, background), person, beats=80)
    assert played.said.count(WEATHER) == 1
    assert played.said.index("Six is afraid of seven") < played.said.index(WEATHER)


async def test_d3_a_withdrawn_result_is_never_spoken() -> None:
    model = ScriptedInteraction(
        delegate("report on sea turtles", on="turtles"),
        withdraw(on="never mind"),
        say("Sure thing.", on="anything else"),
    )
    background = ScriptedBackground(after=20.0, answer="Sea turtles are old.")
    person = types("a report on turtles", at=2) + types("never mind", at=17) + types("anything else", at=140)
    played = await play(Runtime(model, background), person, beats=160)
    model.assert_done()
    assert [each.delegation for each in played.bodies(Withdrawn)] == ["d1"]
    assert "turtles are old" not in played.said
    assert background.thinking == 0


async def test_d4_of_two_jobs_only_the_withdrawn_one_stops() -> None:
    async def drop_the_turtles(session: Session) -> None:
        await anyio.sleep(middle_of(30))
        session.withdraw(session.unsettled[0], "the person changed their mind")

    model = ScriptedInteraction(delegate("sea turtles", on="turtle"), delegate("volcanoes", on="volcano"))
    background = ScriptedBackground(
        {"turtles": [Answer("Turtles are old.", after=15)], "volcanoes": [Answer("Volcanoes are hot.", after=15)]}
    )
    person = types("a report on a turtle", at=2) + types("and on a volcano", at=17)
    played = await play(Runtime(model, background), person, beats=150, also=drop_the_turtles)
    assert "Turtles are old." not in played.said
    assert played.said.count("Volcanoes are hot.") == 1
    assert [each.delegation for each in played.bodies(Withdrawn)] == ["d1"]
    assert [each.delegation for each in played.bodies(Settled)] == ["d2"]


async def test_d5_after_a_correction_only_the_newer_fact_is_spoken() -> None:
    model = ScriptedInteraction(delegate("trains to Bath", on="Bath"), amend("to Bristol", on="Bristol"))
    background = ScriptedBackground(
        {"bath": [Answer("Bath: 10:14.", after=2)], "bristol": [Answer("Bristol: 10:40.", after=2)]}
    )
    person = types("trains to Bath please", at=2) + says("no sorry I meant Bristol of course", at=8)
    played = await play(Runtime(model, background), person, beats=60)
    assert "10:14" not in played.said
    assert played.said.count("Bristol: 10:40.") == 1


async def test_d5_a_newer_result_replaces_an_older_one_that_was_not_voiced_yet() -> None:
    async def two_results(session: Session) -> None:
        await anyio.sleep(middle_of(3))
        session.lay("Platform three.", key="platform")
        await anyio.sleep(0.6)
        session.lay("Platform four.", key="platform")

    played = await play(Runtime(ScriptedInteraction()), talks(range(12)), beats=30, also=two_results)
    assert played.said == "Platform four."
    assert [each.reason for each in played.bodies(NoteDropped)] == ["superseded by a1.2"]


async def test_d6_an_interrupted_delivery_is_finished_later_without_repeating_what_was_heard() -> None:
    model = ScriptedInteraction(delegate("trains", on="trains"))
    answer = "The train leaves at ten fourteen, from platform three, and it stops in Reading."
    with ScriptedBackground(after=1.0, answer=answer) as background:
        person = types("trains please", at=0) + talks(range(13, 17), "hang on a moment")
        played = await play(Runtime(model, background), person, beats=60)
    first, second = (turn for turn in played if turn.woven)
    assert first.woven == second.woven
    assert second.beat > 17
    words = played.said.split()
    assert words.count("platform") == 1
    assert words[-1] == "Reading."
    assert not played.bodies(NoteDropped)


async def test_d7_a_result_that_disagrees_with_what_was_said_comes_as_a_correction() -> None:
    async def two_results(session: Session) -> None:
        await anyio.sleep(middle_of(3))
        session.lay("Platform three.", key="platform")
        await anyio.sleep(3.0)
        session.lay("Platform four.", key="platform")

    played = await play(Runtime(ScriptedInteraction()), (), beats=40, also=two_results)
    assert _woven_kinds(played) == [NoteKind.RESULT, NoteKind.CORRECTION]
    assert played.said.index("Platform three.") < played.said.index("Platform four.")


def _woven_kinds(played: Performance) -> list[NoteKind]:
    return [note.kind for turn in played for note in turn.woven]
