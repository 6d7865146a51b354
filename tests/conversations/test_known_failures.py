"""How two-agent systems are known to fail, one test each: what users of other systems reported, kept from happening."""

import anyio
import pytest

from counterpoint import Runtime, Session, tool
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Closed,
    NoteDropped,
    NoteLaid,
    Settled,
    ToolCalled,
    ToolReturned,
)
from counterpoint.shared_context.expressed import Delegate
from counterpoint.shared_context.notes import NoteKind
from counterpoint.testing import (
    Answer,
    Call,
    Fail,
    Line,
    ScriptedBackground,
    ScriptedInteraction,
    amend,
    delegate,
    end,
    play,
    say,
    says,
    talks,
    types,
    withdraw,
)
from counterpoint.testing.person import middle_of

pytestmark = pytest.mark.virtual


async def test_the_same_request_twice_is_one_piece_of_work() -> None:
    twice = (Delegate("Trains to Bath?"), Delegate("trains  to bath"))
    background = ScriptedBackground(after=2.0, answer="10:14.")
    played = await play(Runtime(ScriptedInteraction(Line(act=twice, at=2)), background), beats=40)
    assert len(played.bodies(Asked)) == 1
    assert played.said == "10:14."


async def test_a_retry_after_the_work_is_done_is_new_work() -> None:
    model = ScriptedInteraction(delegate("trains", at=2), delegate("trains", at=30))
    played = await play(Runtime(model, ScriptedBackground(after=1.0, answer="10:14.")), beats=60)
    assert [each.delegation.id for each in played.bodies(Asked)] == ["d1", "d2"]


async def test_a_correction_reaches_the_work_in_flight_and_starts_no_other() -> None:
    model = ScriptedInteraction(delegate("trains to Bath", at=2), amend("to Bristol", at=5))
    background = ScriptedBackground({"bath": [Answer("Bath.", after=3)], "bristol": [Answer("Bristol.", after=3)]})
    played = await play(Runtime(model, background), beats=50)
    assert len(played.bodies(Asked)) == 1
    assert [each.text for each in played.bodies(Amended)] == ["to Bristol"]
    assert played.said == "Bristol."


async def test_a_correction_that_comes_when_the_work_is_done_asks_anew_with_what_was_asked() -> None:
    model = ScriptedInteraction(delegate("trains to Bath", at=2), amend("to Bristol", at=30))
    background = ScriptedBackground({"bath": [Answer("Bath.", after=1)], "bristol": [Answer("Bristol.", after=1)]})
    played = await play(Runtime(model, background), beats=60)
    assert [each.delegation.request for each in played.bodies(Asked)] == [
        "trains to Bath",
        "trains to Bath\n(correction) to Bristol",
    ]
    assert played.said == "Bath. Bristol."


@pytest.mark.parametrize("after", [0.9, 0.999, 1.0, 1.001, 1.1])
async def test_a_correction_that_crosses_the_answer_on_its_way_is_not_lost(after: float) -> None:
    model = ScriptedInteraction(delegate("trains to Bath", at=2), amend("to Bristol", at=7))
    scripts = {"bath": [Answer("Bath.", after=after)], "bristol": [Answer("Bristol.", after=0.5)]}
    played = await play(Runtime(model, ScriptedBackground(scripts)), talks(range(2, 9)), beats=60)
    assert played.said == "Bristol."


async def test_a_background_model_that_raises_does_not_strand_the_conversation() -> None:
    model = ScriptedInteraction(delegate("trains", at=2), say("Still here.", on="hello"))
    background = ScriptedBackground([Fail(RuntimeError("boom"), after=0.5)])
    played = await play(Runtime(model, background), types("hello", at=30), beats=50)
    (settled,) = played.bodies(Settled)
    assert settled.state is DelegationState.FAILED
    assert [each.note.kind for each in played.bodies(NoteLaid)] == [NoteKind.FAILURE]
    assert "boom" not in played.said
    assert played.said.endswith("Still here.")
    assert len(played.said.split()) > 3


async def test_a_delegation_to_nobody_is_admitted() -> None:
    played = await play(Runtime(ScriptedInteraction(delegate("trains", at=2))), beats=30)
    assert played.bodies(Asked) == []
    assert played.said.startswith("I can't look into that")


async def test_work_that_nobody_takes_is_admitted_when_its_time_is_over() -> None:
    runtime = Runtime(ScriptedInteraction(delegate("trains", at=2)), served=True)
    played = await play(runtime, beats=5 * 140)
    assert "Nobody could finish looking into “trains” in time." in played.said


async def test_a_result_that_comes_after_withdrawal_is_never_told() -> None:
    model = ScriptedInteraction(delegate("trains", at=2), withdraw(at=8))
    played = await play(Runtime(model, ScriptedBackground(after=1.0, answer="10:14.")), talks(range(5, 12)), beats=40)
    assert "10:14" not in played.said


async def test_the_agent_does_not_hang_up_before_what_it_promised_is_told() -> None:
    model = ScriptedInteraction(delegate("trains", at=2), end(at=4))
    played = await play(Runtime(model, ScriptedBackground(after=3.0, answer="10:14.")), beats=200)
    assert played.said == "10:14."
    assert len(played) < 100


async def test_unfinished_typing_is_no_request() -> None:
    model = ScriptedInteraction(partial=True)
    keys = types("when does the last train leave", at=10, keys_per_beat=4)[:-1]
    played = await play(Runtime(model, ScriptedBackground(answer="never")), keys, beats=30)
    assert played.bodies(Asked) == []


async def test_every_call_has_its_result_even_when_the_person_interrupts() -> None:
    @tool
    async def lookup(name: str) -> str:
        """Looks a thing up."""
        await anyio.sleep(1.0)
        return f"{name} found"

    background = ScriptedBackground(
        [Call("lookup", {"name": "a"}), Call("lookup", {"name": "b"}), Answer("Both found.")]
    )
    model = ScriptedInteraction(delegate("a and b", at=1), say("Let me see, that may take a moment.", at=1))
    runtime = Runtime(model, background, tools=[lookup])
    played = await play(runtime, says("oh wait a moment please", at=3), beats=50)
    called = {each.call for each in played.bodies(ToolCalled)}
    assert len(called) == 2
    assert called == {each.call for each in played.bodies(ToolReturned)}
    assert played.said.endswith("Both found.")


async def test_a_conversation_that_goes_on_does_not_kill_the_work() -> None:
    chat = tuple(cue for beat in range(6, 60, 12) for cue in types("and another thing", at=beat))
    model = ScriptedInteraction(delegate("trains", at=2), barge_in=True)
    played = await play(Runtime(model, ScriptedBackground(after=9.0, answer="10:14.")), chat, beats=80)
    assert played.said == "10:14."


async def test_a_result_interrupted_three_times_is_still_told_to_its_end_once() -> None:
    answer = "The train leaves at ten fourteen from platform three and it calls at Reading and Swindon."
    person = talks(range(14, 16)) + talks(range(24, 26)) + talks(range(33, 35))
    played = await play(
        Runtime(ScriptedInteraction(delegate("t", at=2)), ScriptedBackground(after=1, answer=answer)), person, beats=80
    )
    words = played.said.split()
    assert words.count("platform") == 1
    assert words[-1] == "Swindon."
    assert not played.bodies(NoteDropped)


async def test_what_was_not_told_when_the_conversation_ends_is_reported() -> None:
    async def leave_early(session: Session) -> None:
        session.lay("Your taxi is here.")
        await anyio.sleep(middle_of(6))
        session.end("the person left")

    played = await play(Runtime(ScriptedInteraction()), talks(range(30)), beats=30, also=leave_early)
    assert [each.reason for each in played.bodies(NoteDropped)] == ["the conversation ended"]
    assert [each.reason for each in played.bodies(Closed)] == ["the person left"]
