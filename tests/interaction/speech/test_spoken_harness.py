"""The harness of instruct models with ears and a voice around it: a note that is cut off anywhere is heard whole, once
more words of it than were heard at most.
"""

import pytest
from instruct_talk import ScriptedEngine
from speech_doubles import ScriptedEars, ScriptedVoice

from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.settings import Settings
from counterpoint.interaction.speech.spoken import SpokenInteraction
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import Asked, NoteDropped
from counterpoint.testing import ScriptedBackground, play
from counterpoint.testing.person import sounds

pytestmark = pytest.mark.virtual

ANSWER = "The train leaves at ten fourteen, from platform three, on the left, behind the clock."
SPOKEN = Settings(words_per_beat=5, pause_beats=2)


@pytest.mark.parametrize("cut", [None, *range(16, 44)])
async def test_a_note_that_is_cut_off_is_told_to_its_end(cut: int | None) -> None:
    words = {6: "when does the train", 8: "leave?"} | ({} if cut is None else {cut: "no wait, hold on"})
    inner = InstructInteraction(ScriptedEngine(*["Sure thing, my friend."] * 20), SPOKEN)
    model = SpokenInteraction(inner, ScriptedEars(words, speech=range(4, 9)), ScriptedVoice())
    played = await play(Runtime(model, ScriptedBackground(after=1.0, answer=ANSWER)), sounds(range(200)), beats=200)
    told: set[int] = set()
    for turn in played:
        for each in turn.voiced:
            stretch = ANSWER[each.start : each.end]
            assert turn.text[each.text_start :].startswith(stretch)
            told |= {each.start + index for index, letter in enumerate(stretch) if letter != " "}
    assert told == {index for index, letter in enumerate(ANSWER) if letter != " "}
    assert played.bodies(NoteDropped) == []
    assert played.said.endswith("behind the clock.")
    assert played.said.count("behind the clock.") <= 2


async def test_a_question_is_asked_whole_however_late_its_words_are_known() -> None:
    ears = ScriptedEars({6: "when does", 12: "the train", 18: "leave?"}, speech=range(4, 18))
    model = SpokenInteraction(InstructInteraction(ScriptedEngine(), SPOKEN), ears, ScriptedVoice())
    played = await play(Runtime(model, ScriptedBackground(answer=ANSWER)), sounds(range(60)), beats=60)
    assert [asked.delegation.request for asked in played.bodies(Asked)] == ["when does the train leave?"]
