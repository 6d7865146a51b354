"""The scripted background model, as a team's own tests use it."""

import anyio
import pytest

from counterpoint.background.model import Answer as ModelAnswer
from counterpoint.background.model import Call as ModelCall
from counterpoint.background.model import Observation
from counterpoint.background.model import Say as ModelSay
from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.ids import Beat, CallId, ConversationId, DelegationId, Position
from counterpoint.shared_context.notes import Delivery
from counterpoint.shared_context.package import ContextPackage, Work
from counterpoint.testing.scripted_background import Answer, Call, Fail, Say, ScriptedBackground

pytestmark = pytest.mark.virtual


def package(request="trains to Lyon", *amendments, delegation="d1"):
    work = Work(
        Delegation(DelegationId(delegation), ConversationId("c"), request),
        DelegationState.TAKEN,
        Beat(0),
        amendments=amendments,
    )
    return ContextPackage(ConversationId("c"), Position(1), Beat(0), work=(work,), delegation=work.delegation.id)


async def think(model, *observations, of=None):
    return [step async for step in model.think(of or package(), (), observations)]


def found(call, text="10:14"):
    return Observation(text, call)


async def test_it_answers_when_it_is_told_to():
    with ScriptedBackground(after=1.5, answer="10:14") as model:
        assert await think(model) == [ModelAnswer("10:14")]
        assert anyio.current_time() == 1.5


async def test_it_goes_on_when_its_calls_have_returned():
    script = [Say("Let me see."), Call("a"), Call("b", {"n": 1}), Answer("10:14", delivery=Delivery.INTERRUPT)]
    model = ScriptedBackground(script)
    say, a, b = await think(model)
    assert (say, a, b) == (
        ModelSay("Let me see."),
        ModelCall(CallId("call-1"), "a", "{}"),
        ModelCall(CallId("call-2"), "b", '{"n":1}'),
    )
    assert await think(model, found(a)) == []
    assert await think(model, found(b), found(a)) == [ModelAnswer("10:14", Delivery.INTERRUPT)]


async def test_a_delayed_call_is_made_in_its_own_round():
    model = ScriptedBackground([Call("a"), Call("b", after=1), Answer("-")])
    (a,) = await think(model)
    (b,) = await think(model, found(a))
    assert await think(model, found(a), found(b)) == [ModelAnswer("-")]


async def test_arguments_may_be_as_wrong_as_a_model_writes_them():
    assert await think(ScriptedBackground([Call("a", "{oops")])) == [ModelCall(CallId("call-1"), "a", "{oops")]


async def test_scripts_are_chosen_by_what_is_asked_and_the_last_word_counts():
    model = ScriptedBackground({"lyon": [Answer("10:14")], "nice": [Answer("10:30")]})
    assert await think(model, of=package("Trains to LYON")) == [ModelAnswer("10:14")]
    assert await think(model, of=package("Lyon", "no, Nice", delegation="d2")) == [ModelAnswer("10:30")]
    assert await think(model, of=package("Nice? no, Lyon", delegation="d3")) == [ModelAnswer("10:14")]


async def test_each_delegation_plays_the_script_from_its_first_step():
    model = ScriptedBackground([Say("One."), Answer("Two.")])
    for delegation in ("d1", "d2"):
        assert len(await think(model, of=package(delegation=delegation))) == 2


async def test_a_stopped_round_goes_on_in_the_next():
    model = ScriptedBackground([Say("One."), Answer("Two.", after=5)])
    with anyio.move_on_after(1):
        await think(model)
    assert model.thinking == 0
    assert await think(model) == [ModelAnswer("Two.")]


async def test_it_keeps_what_it_was_given():
    model = ScriptedBackground(answer="10:14")
    seen = package()
    await think(model, Observation("to Nice"), of=seen)
    assert model.packages == [seen]
    assert model.rounds[0].observations == (Observation("to Nice"),)


async def test_it_raises_what_the_script_says():
    with pytest.raises(RuntimeError, match="boom"):
        await think(ScriptedBackground([Fail(RuntimeError("boom"))]))


async def test_a_script_that_was_not_played_is_a_failed_test():
    with pytest.raises(AssertionError, match="not played to its end"), ScriptedBackground(answer="10:14"):
        pass


async def test_a_script_that_was_played_in_part_is_a_failed_test():
    model = ScriptedBackground({"lyon": [Call("a"), Answer("-")], "nice": [Answer("-")]})
    await think(model)
    with pytest.raises(AssertionError, match=r"script for 'lyon' .* script for 'nice'"):
        model.assert_done()


async def test_a_request_that_no_script_is_for_is_a_failed_test():
    model = ScriptedBackground({"lyon": [Answer("10:14")]})
    with pytest.raises(AssertionError, match="no script"):
        await think(model, of=package("weather"))
    await think(model)
    with pytest.raises(AssertionError, match="no script is for the request 'weather'"):
        model.assert_done()


async def test_an_error_in_the_block_is_not_hidden_by_leftovers():
    with pytest.raises(ZeroDivisionError), ScriptedBackground(answer="10:14"):
        raise ZeroDivisionError


@pytest.mark.parametrize("arguments", [{}, {"script": [Answer("-")], "answer": "-"}])
def test_it_takes_a_script_or_an_answer(arguments):
    with pytest.raises(ConfigurationError, match="either a script or an answer"):
        ScriptedBackground(**arguments)
