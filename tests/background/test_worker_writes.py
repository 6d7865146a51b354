"""Tools that change something: time to object, approval, and nothing twice."""

import anyio
import pytest

from counterpoint.background.limits import Limits
from counterpoint.config import OBJECTION_WINDOW_SECONDS
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import (
    Amended,
    ApprovalAsked,
    NoteLaid,
    Settled,
    ToolCalled,
    ToolReturned,
)
from counterpoint.shared_context.notes import Delivery
from counterpoint.testing.scripted_background import Answer, Call, ScriptedBackground
from counterpoint.tools.context import ToolContext
from counterpoint.tools.definition import tool

pytestmark = pytest.mark.virtual

booked = []


@tool(effects="write")
async def book(train: str, context: ToolContext) -> str:
    """Book a seat."""
    booked.append((train, anyio.current_time(), context.idempotency_key))
    await anyio.sleep(1)
    return f"booked {train}"


@tool(effects="write", approval="always")
async def pay(euros: int) -> str:
    """Pay."""
    booked.append(euros)
    return f"paid {euros}"


@pytest.fixture(autouse=True)
def _nothing_booked_yet():
    booked.clear()


BOOKING = [Call("book", {"train": "10:14"}), Answer("Booked.")]
PAYING = [Call("pay", {"euros": 40}), Answer("Paid.")]


async def test_a_write_waits_until_the_person_had_time_to_object(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(BOOKING), book)
        await host.ask()
        await host.settled()
    assert booked == [("10:14", OBJECTION_WINDOW_SECONDS, "c:d1:1")]


async def test_the_window_counts_from_the_words_and_not_from_the_call(scene):
    async with scene() as host:
        await host.ask()
        await anyio.sleep(1)
        await host.work(ScriptedBackground([Call("book", {"train": "10:14"}, after=0.2), Answer("Booked.")]), book)
        await host.settled()
        assert booked[0][1] == pytest.approx(OBJECTION_WINDOW_SECONDS)


async def test_a_write_long_after_the_words_does_not_wait(scene):
    async with scene() as host:
        await host.work(ScriptedBackground([Call("book", {"train": "10:14"}, after=5), Answer("Booked.")]), book)
        await host.ask()
        await host.settled()
        assert booked[0][1] == 5


async def test_a_read_does_not_wait(scene):
    @tool
    async def look() -> str:
        booked.append(anyio.current_time())
        return "10:14"

    async with scene() as host:
        await host.work(ScriptedBackground([Call("look"), Answer("10:14")]), look)
        await host.ask()
        await host.settled()
    assert booked == [0.0]


async def test_a_withdrawal_inside_the_window_stops_the_write(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(BOOKING), book)
        delegation = await host.ask()
        await anyio.sleep(1.4)
        await host.withdraw(delegation)
        await anyio.sleep(10)
    assert booked == []


async def test_a_correction_inside_the_window_stops_the_write_and_opens_a_new_window(scene):
    async with scene() as host:
        scripts = {"10:14": BOOKING, "10:44": [Call("book", {"train": "10:44"}), Answer("Booked.")]}
        model = ScriptedBackground(scripts)
        await host.work(model, book)
        delegation = await host.ask("book the 10:14")
        await anyio.sleep(1.4)
        await host.amend(delegation, "the 10:44")
        await host.settled()
        assert booked == [("10:44", pytest.approx(1.4 + OBJECTION_WINDOW_SECONDS), "c:d1:2")]
    seen = model.rounds[-1].observations
    assert [(each.text, each.failed) for each in seen if each.call and each.failed] == [
        ("not run: the request was corrected meanwhile; call it again if it is still wanted", True)
    ]


async def test_a_write_that_has_begun_is_not_stopped_by_a_correction(scene):
    async with scene() as host:
        model = ScriptedBackground(BOOKING)
        await host.work(model, book)
        delegation = await host.ask()
        await host.until(ToolCalled)
        await host.amend(delegation, "by the window")
        await host.settled()
    assert len(booked) == 1
    assert [each.text for each in model.rounds[-1].observations] == ["by the window", "booked 10:14"]


async def test_a_write_is_in_the_log_before_it_begins(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        await host.work(ScriptedBackground(BOOKING), book, store=cable)
        await host.ask()
        await anyio.sleep(1)
        cable.pull()
        await anyio.sleep(4)
        assert booked == []
        cable.plug()
        await host.settled()
        assert len(booked) == 1
        assert booked[0][1] > 5


async def test_what_ends_while_a_write_waits_for_the_log_is_known_not_to_have_run(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        await host.work(ScriptedBackground(BOOKING), book, store=cable)
        await host.ask(seconds=5)
        await anyio.sleep(1)
        cable.pull()
        await anyio.sleep(5)
        cable.plug()
        assert await host.state() is DelegationState.EXPIRED
        returned = await host.bodies(ToolReturned)
    assert booked == []
    assert [(body.result, body.failed) for body in returned] == [("not run: it was stopped before it began", True)]


@pytest.mark.parametrize("seconds", [1.0, 1.05, 1.1, 1.2, 1.3, 1.4])
async def test_a_correction_while_a_write_waits_for_the_log_leaves_one_record_of_it(scene, outage, seconds):
    async with scene() as host:
        cable = outage(host.memory)
        await host.work(ScriptedBackground({"10:14": BOOKING, "leave it": [Answer("Fine.")]}), book, store=cable)
        delegation = await host.ask("the 10:14")
        await anyio.sleep(seconds)
        cable.pull()
        await anyio.sleep(2)
        await host.amend(delegation, "leave it")
        cable.plug()
        await host.settled()
        (called,), (returned,) = await host.bodies(ToolCalled), await host.bodies(ToolReturned)
    assert called.call == returned.call
    assert returned.failed == (booked == [])


async def test_an_answer_beside_a_write_is_told_when_the_write_is_done(scene):
    async with scene() as host:
        model = ScriptedBackground([Call("book", {"train": "10:14"}), Call("look")])

        class Hasty:
            name = "hasty"

            async def think(self, package, tools, observations):
                async for step in model.think(package, tools, ()):
                    yield step
                from counterpoint.background.model import Answer as Done

                yield Done("Booked.")

        await host.work(Hasty(), book)
        await host.ask()
        await host.until(NoteLaid)
        assert anyio.current_time() == OBJECTION_WINDOW_SECONDS + 1
    assert await host.told() == [("result", "Booked.")]


async def test_approval_is_asked_of_the_person_at_once_and_waited_for(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(PAYING), pay)
        delegation = await host.ask()
        asked = await host.until(ApprovalAsked)
        assert (asked.delegation, asked.question) == (delegation, "May I call pay(euros=40)?")
        await host.until(NoteLaid)
        (note,) = await host.notes()
        assert (note.text, note.delivery) == (asked.question, Delivery.INTERRUPT)
        await anyio.sleep(20)
        assert booked == []
        await host.approve(asked.call)
        await host.settled()
    assert booked == [40]
    assert (await host.told())[-1] == ("result", "Paid.")


async def test_what_is_not_approved_is_not_run(scene):
    async with scene() as host:
        model = ScriptedBackground([PAYING[0], Answer("Then not.")])
        await host.work(model, pay)
        await host.ask()
        asked = await host.until(ApprovalAsked)
        await host.approve(asked.call, approved=False, reason="too dear")
        await host.settled()
    assert booked == []
    assert [each.text for each in model.rounds[1].observations] == ["not run: it was not approved (too dear)"]


async def test_what_is_not_approved_in_time_is_not_run_even_if_approval_comes_later(scene):
    async with scene() as host:
        model = ScriptedBackground([PAYING[0], Answer("Then not.", after=10)])
        await host.work(model, pay, limits=Limits(approval_seconds=5))
        await host.ask()
        asked = await host.until(ApprovalAsked)
        await anyio.sleep(6)
        await host.approve(asked.call)
        await host.settled()
    assert booked == []
    assert [each.text for each in model.rounds[1].observations] == ["not run: it was not approved in time"]


async def test_a_question_that_nobody_answered_is_taken_back(scene):
    async with scene() as host:
        await host.work(ScriptedBackground([PAYING[0], Answer("Then not.")]), pay, limits=Limits(approval_seconds=5))
        await host.ask()
        await host.settled()
    question, taken_back, _ = await host.notes()
    assert (taken_back.key, taken_back.delivery) == (question.key, Delivery.SILENT)


async def test_a_correction_takes_back_the_question(scene):
    async with scene() as host:
        await host.work(ScriptedBackground({"pay": PAYING, "leave it": [Answer("Fine.")]}), pay)
        delegation = await host.ask("pay")
        await host.until(ApprovalAsked)
        await anyio.sleep(1)
        await host.amend(delegation, "leave it")
        await host.settled()
    question, taken_back, result = await host.notes()
    assert (taken_back.key, taken_back.delivery, result.text) == (question.key, Delivery.SILENT, "Fine.")
    assert booked == []


async def test_a_write_cut_off_by_its_timeout_is_not_made_a_second_time(scene):
    @tool(effects="write", timeout=2)
    async def order() -> str:
        booked.append("ordered")
        await anyio.sleep_forever()

    async with scene() as host:
        model = ScriptedBackground([Call("order"), Call("order", after=0.1), Answer("I am not sure.")])
        await host.work(model, order)
        await host.ask()
        await host.settled()
    assert booked == ["ordered"]
    first, second = model.rounds[-1].observations
    assert "whether it changed anything is not known" in first.text
    assert second.text.startswith("not run again")


async def test_a_failure_says_what_was_done_all_the_same(scene):
    async with scene() as host:
        await host.work(ScriptedBackground([Call("book", {"train": "10:14"})]), book)
        await host.ask()
        settled = await host.settled()
    assert settled.state is DelegationState.FAILED
    assert await host.told() == [
        ("failure", "I could not finish “trains to Lyon”: I found no answer. This was done all the same: book.")
    ]


async def test_time_that_runs_out_during_a_write_is_told_when_it_is_known_what_came_of_it(scene):
    async with scene() as host:
        await host.work(ScriptedBackground(BOOKING), book)
        await host.ask(seconds=2)
        await host.until(Settled)
        assert anyio.current_time() == OBJECTION_WINDOW_SECONDS + 1
    assert [kind for kind, _ in await host.told()] == ["failure"]
    assert "This was done all the same: book" in (await host.told())[0][1]
    assert [body.result for body in await host.bodies(ToolReturned)] == ["booked 10:14"]
    assert await host.bodies(Amended) == []


async def test_identical_writes_at_once_do_what_the_tool_says(scene):
    @tool(effects="write", duplicates="join")
    async def order(what: str) -> str:
        booked.append(what)
        await anyio.sleep(1)
        return f"ordered {what}"

    async with scene() as host:
        model = ScriptedBackground([Call("order", {"what": "tea"}), Call("order", {"what": "tea"}), Answer("Ordered.")])
        await host.work(model, order)
        await host.ask()
        await host.settled()
    assert booked == ["tea"]
    assert [each.text for each in model.rounds[1].observations] == ["ordered tea", "ordered tea"]
