"""Background models that misbehave. Each ends in a note, and the worker lives on."""

import math

import anyio
import pytest

from counterpoint.background.limits import Limits
from counterpoint.background.model import Answer as ModelAnswer
from counterpoint.background.model import Call as ModelCall
from counterpoint.background.model import Progress as ModelProgress
from counterpoint.background.model import Say as ModelSay
from counterpoint.background.model import Usage
from counterpoint.background.worker import Worker
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Settled, ToolReturned
from counterpoint.shared_context.ids import CallId
from counterpoint.testing.scripted_background import Answer, Call, Fail, Say, ScriptedBackground
from counterpoint.tools.definition import tool
from counterpoint.tools.toolbox import Toolbox

pytestmark = pytest.mark.virtual


@tool
async def departures(station: str, limit: int = 3) -> str:
    """Trains that leave a station."""
    return f"10:14 from {station}"


class Endless:
    """Does the same thing for ever, and never waits."""

    name = "endless"

    def __init__(self, step):
        self.step = step
        self.closed = 0

    async def think(self, package, tools, observations):
        try:
            while True:
                yield self.step
        finally:
            self.closed += 1


class EachRound:
    """Yields the same steps in every round."""

    name = "each round"

    def __init__(self, *steps):
        self.steps = steps

    async def think(self, package, tools, observations):
        for step in self.steps:
            yield step


def call(number=1):
    return ModelCall(CallId(f"{number}"), "departures", '{"station": "Lyon"}')


async def outcome(scene, model, *tools, limits=None, seconds=120.0):
    async with scene() as host:
        worker = await host.work(model, *tools, limits=limits)
        await host.ask(seconds=seconds)
        settled = await host.settled()
        told = await host.told()
        await anyio.sleep(0.001)
        assert worker.busy == 0
        return settled, told


@pytest.mark.parametrize(
    ("model", "reason", "because"),
    [
        (Endless(ModelSay("Well.")), "limit: notes", "it brought up more than I can pass on"),
        (Endless(ModelProgress("thinking")), "limit: steps", "it took more steps than I may take"),
        (Endless(call()), "limit: tool calls", "it took more look-ups than I may make"),
        (Endless(Usage(read=1_000, written=1_000)), "limit: tokens", "it took more thinking than I may do"),
        (EachRound(call()), "limit: rounds", "it took more steps than I may take"),
        (EachRound(), "no answer", "I found no answer"),
        (EachRound(ModelAnswer("  ")), "no answer", "I found no answer"),
        (EachRound("not a step"), "the background model failed", "something went wrong while I was thinking about it"),
    ],
    ids=[
        "says",
        "reports progress",
        "calls",
        "spends",
        "never concludes",
        "yields nothing",
        "empty answer",
        "nonsense",
    ],
)
async def test_a_model_without_end_or_sense_is_stopped_and_the_person_is_told(scene, model, reason, because):
    settled, told = await outcome(scene, model, departures)
    assert (settled.state, settled.reason) == (DelegationState.FAILED, reason)
    assert told[-1] == ("failure", f"I could not finish “trains to Lyon”: {because}.")


async def test_a_model_that_is_stopped_is_closed(scene):
    model = Endless(ModelSay("Well."))
    await outcome(scene, model)
    assert model.closed == 1


async def test_a_model_that_hangs_runs_out_of_time(scene):
    settled, told = await outcome(scene, ScriptedBackground(after=math.inf, answer="never"), seconds=30)
    assert (settled.state, settled.reason) == (DelegationState.EXPIRED, "limit: seconds")
    assert told == [("failure", "I could not finish “trains to Lyon”: it took too long.")]


async def test_time_runs_out_when_it_was_said_to(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(after=math.inf, answer="never"))
        await host.ask(seconds=30)
        await host.until(Settled)
        assert anyio.current_time() == 30


async def test_time_spent_in_the_queue_counts(scene):
    async with scene() as host:
        await host.ask(seconds=30)
        await anyio.sleep(20)
        await host.work(ScriptedBackground(after=math.inf, answer="never"))
        assert await host.state() is DelegationState.EXPIRED
        assert anyio.current_time() == 30


@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_a_worker_whose_clock_is_an_hour_wrong_works_as_others_do(scene, seconds):
    async with scene() as host:
        wrong = ScriptedBackground(after=5, answer="10:14")
        async with Worker(host.memory, wrong, Toolbox(), clock=lambda: host.now() + seconds):
            await host.ask(seconds=30)
            assert await host.state() is DelegationState.DONE


async def test_what_was_asked_too_long_ago_is_said_to_be_too_late(scene):
    async with scene() as host:
        await host.ask(seconds=30)
        await anyio.sleep(60)
        model = ScriptedBackground(answer="10:14")
        await host.work(model)
        assert await host.state() is DelegationState.EXPIRED
    assert len(await host.told()) == 1


async def test_a_model_that_raises_is_a_failure_without_a_stack_trace_or_a_secret(scene):
    error = RuntimeError("https://user:hunter2@example.org")
    settled, told = await outcome(scene, ScriptedBackground([Fail(error)]))
    assert settled.state is DelegationState.FAILED
    assert told == [
        ("failure", "I could not finish “trains to Lyon”: something went wrong while I was thinking about it.")
    ]
    assert "hunter2" not in settled.reason


async def test_a_model_that_is_no_generator_is_a_failure(scene):
    class Wrong:
        name = "wrong"

        def think(self, package, tools, observations):
            return "an answer"

    settled, _ = await outcome(scene, Wrong())
    assert settled.reason == "the background model failed"


async def test_the_second_of_two_answers_is_not_told(scene):
    settled, told = await outcome(scene, EachRound(ModelAnswer("10:14"), ModelAnswer("10:30")))
    assert settled.state is DelegationState.DONE
    assert told == [("result", "10:14")]


async def test_parts_without_an_answer_count_as_one(scene):
    settled, told = await outcome(scene, EachRound(ModelSay("10:14."), ModelSay("Platform 3.")))
    assert settled.state is DelegationState.DONE
    assert told == [("partial", "10:14."), ("partial", "Platform 3.")]


async def test_tokens_are_accounted_for(scene):
    settled, _ = await outcome(scene, EachRound(Usage(100, 20), Usage(50, 3), ModelAnswer("10:14")))
    assert settled.tokens == 173


async def test_a_very_long_answer_is_cut_and_says_so(scene):
    _, told = await outcome(scene, EachRound(ModelAnswer("word " * 1000)), limits=Limits(note_characters=100))
    ((_, text),) = told
    assert len(text) <= 100
    assert text.endswith("…")


async def test_an_unknown_tool_is_an_observation_that_names_the_known_ones(scene):
    model = ScriptedBackground([Call("departure"), Answer("10:14")])
    settled, _ = await outcome(scene, model, departures)
    (observation,) = model.rounds[1].observations
    assert observation.failed
    assert "departures" in observation.text
    assert settled.state is DelegationState.DONE


@pytest.mark.parametrize(
    "arguments", ["{}", '{"station": 3}', "not json", '{"station": "Lyon", "sation": 1}', "[" * 9999]
)
async def test_wrong_arguments_are_an_observation_that_the_model_can_act_on(scene, arguments):
    model = ScriptedBackground([Call("departures", arguments), Answer("10:14")])
    async with scene() as host:
        await host.work(model, departures)
        await host.ask()
        await host.settled()
        (returned,) = await host.bodies(ToolReturned)
    (observation,) = model.rounds[1].observations
    assert observation.failed
    assert "station" in observation.text
    assert (returned.failed, returned.result) == (True, observation.text)


async def test_a_tool_that_raises_is_an_observation(scene):
    @tool
    async def broken() -> str:
        raise ValueError("token=abcdef123456")

    model = ScriptedBackground([Call("broken"), Answer("I could not look.")])
    settled, _ = await outcome(scene, model, broken)
    (observation,) = model.rounds[1].observations
    assert (observation.failed, "abcdef" in observation.text) == (True, False)
    assert settled.state is DelegationState.DONE


async def test_a_tool_that_hangs_is_an_observation_when_its_time_is_over(scene):
    @tool(timeout=5)
    async def stuck() -> str:
        await anyio.sleep_forever()

    model = ScriptedBackground([Call("stuck"), Answer("I could not look.")])
    async with scene() as host:
        await host.work(model, stuck)
        await host.ask()
        await host.settled()
        assert anyio.current_time() == 5
    assert model.rounds[1].observations[0].failed


async def test_a_tool_that_floods_is_cut_and_leaves_room_for_the_answer(scene):
    @tool
    async def flood():
        while True:
            yield "More. "

    settled, told = await outcome(scene, ScriptedBackground([Call("flood"), Answer("Enough.")]), flood)
    assert settled.state is DelegationState.DONE
    assert len(told) == Limits().notes // 2 + 1
    assert told[-1] == ("result", "Enough.")


async def test_after_every_failure_the_worker_goes_on(scene):
    async with scene() as host:
        scripts = {"bad": [Fail(RuntimeError("boom"))], "good": [Answer("10:14")]}
        await host.work(ScriptedBackground(scripts), concurrency=1)
        await host.ask("bad")
        await host.ask("good")
        await host.settled(2)
    assert [kind for kind, _ in await host.told()] == ["failure", "result"]


async def test_an_error_of_the_worker_itself_ends_in_a_failure_note(scene, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError

    async with scene() as host:
        worker = await host.work(ScriptedBackground([Say("10:14.", after=1), Answer("10:14.")]))
        monkeypatch.setattr("counterpoint.background.notepad.Notepad.result", broken)
        await host.ask()
        settled = await host.settled()
        await anyio.sleep(0.001)
        assert worker.busy == 0
    assert (settled.state, settled.reason) == (DelegationState.FAILED, "internal error")
    assert (await host.told())[-1][0] == "failure"
