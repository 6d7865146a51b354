"""An instruct model in a whole runtime, under virtual time: beats, weaving, playback, delegations are the real ones."""

import pytest
from instruct_talk import ScriptedEngine

from counterpoint.config import WORD_AFTER_BEATS
from counterpoint.interaction.engines.harness import CALLED_OFF, CHECKING
from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.recital import GO_ON
from counterpoint.interaction.engines.settings import Settings
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import Amended, Asked, Failed, NoteDropped, Settled, Withdrawn
from counterpoint.testing import ScriptedBackground, play, says, types

pytestmark = pytest.mark.virtual

STORY = "Once upon a time there was a station and in it a very old clock which nobody ever wound up. " * 9
RESULT = "The 10:14 leaves from platform 3, and it is on time."
ASKS = types("When does the train leave?", at=12, keys_per_beat=4)


def runtime(*replies: str, after: float = 3.0, settings: Settings | None = None) -> Runtime:
    model = InstructInteraction(ScriptedEngine(*replies), settings or Settings())
    return Runtime(model, ScriptedBackground(answer=RESULT, after=after))


async def test_a_question_is_acknowledged_delegated_and_answered_without_being_asked_again() -> None:
    turns = await play(runtime(), person=ASKS, beats=80)
    assert turns.said == f"{CHECKING[0]} {RESULT}"
    assert len(turns.bodies(Asked)) == 1
    assert turns.bodies(NoteDropped) == turns.bodies(Failed) == []


async def test_a_result_breaks_into_a_long_story_within_its_bound() -> None:
    turns = await play(runtime(STORY), person=(*ASKS, *types("Tell me a story", at=20)), beats=90)
    settled = next(each.entry.header.beat for each in turns.entries if isinstance(each.entry.body, Settled))
    laid = settled if settled is not None else 12 + 15
    assert turns.woven[RESULT] - laid <= WORD_AFTER_BEATS + 1
    woven = next(turn for turn in turns if turn.woven)
    assert woven.text.strip() == "The"
    assert turns.said.endswith(RESULT)


async def test_a_result_that_is_talked_over_is_finished_later_and_not_started_again() -> None:
    talked = types("wait a second", at=42, keys_per_beat=3)
    turns = await play(runtime("Sure."), person=(*ASKS, *talked), beats=120)
    first, again = turns.said.split(GO_ON)
    assert "The 10:14" in first
    assert "The 10:14" not in again
    assert again.endswith("on time.")
    assert turns.said.count("on time") == 1
    assert turns.bodies(NoteDropped) == []


async def test_what_is_called_off_is_never_told() -> None:
    turns = await play(runtime(), person=(*ASKS, *types("never mind", at=20)), beats=90)
    assert len(turns.bodies(Withdrawn)) == 1
    assert turns.said == f"{CHECKING[0]} {CALLED_OFF}"


async def test_a_correction_reaches_the_work_in_flight() -> None:
    turns = await play(runtime(after=6.0), person=(*ASKS, *types("No, I meant tomorrow.", at=22)), beats=90)
    assert [body.text for body in turns.bodies(Amended)] == ["No, I meant tomorrow."]
    assert len(turns.bodies(Asked)) == 1


async def test_a_spoken_question_is_delegated_after_a_pause() -> None:
    turns = await play(runtime(), person=says("when does the train leave", at=10), beats=70)
    assert [body.delegation.request for body in turns.bodies(Asked)] == ["when does the train leave"]
    assert turns.said.endswith(RESULT)


async def test_a_model_that_fails_is_replaced_and_the_conversation_goes_on() -> None:
    class Failing(ScriptedEngine):
        def reply(self, context: str) -> str:
            if len(self.sessions) == 1:
                raise RuntimeError("out of memory")
            return super().reply(context)

    engine = Failing("Hello again.")
    turns = await play(Runtime(InstructInteraction(engine)), person=types("Hi there", at=15), beats=60)
    assert len(turns.bodies(Failed)) == 1
    assert turns.said == "Hello again."
    assert engine.sessions[-1].text.count("user\nHi there<|im_end|>") == 1


async def test_ten_minutes_of_talk_roll_over_without_a_late_or_missing_beat() -> None:
    engine = ScriptedEngine(lambda context: f"Well, I know {context.count('<|im_start|>')} turns.", max_length=900)
    settings = Settings(prefill_tokens=16, decode_tokens=6, rollover_tokens=8, utterance_tokens=30)
    person = [cue for at in range(10, 2900, 30) for cue in types(f"I saw train {at}.", at=at)]
    turns = await play(Runtime(InstructInteraction(engine, settings)), person=person, beats=3000)
    grid = [turn for turn in turns if turn.part == 0]
    assert [turn.beat for turn in grid] == list(range(3000))
    assert turns.said.count("Well, I know") == len(person)
    assert len(engine.sessions) > 3
