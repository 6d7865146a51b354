"""The example of a team's own tools does what it says."""

from dataclasses import replace
from typing import Any

import pytest

from counterpoint.tools import FailedCall, PartialResult, Returned, ToolContext, ToolProgress, load_tools, run_call
from examples.own_tool import Customer, Departure, departures, reserve_seat

pytestmark = pytest.mark.virtual


def test_the_tools_are_loaded_by_their_path() -> None:
    assert load_tools("examples.own_tool:tools").summaries() == (
        "departures: Trains that leave a station after a time of day.",
        "reserve_seat: Reserve a seat in a train for the person who is speaking.",
    )


async def test_a_team_tests_its_tool_as_the_function_it_is() -> None:
    assert [train async for train in departures("Lund", after="10:00")] == [Departure("10:28", "Malmö", 2)]


async def test_trains_are_passed_on_in_words(ran) -> None:
    first, second, last = await ran(departures, '{"station": "Malmö", "after": "10:20"}')
    assert isinstance(first, PartialResult)
    assert (first.text, second.text) == ("10:26 to Lund, platform 1", "11:14 to Ystad, platform 4")
    assert last.text == "10:26 to Lund, platform 1\n11:14 to Ystad, platform 4"
    assert [source.place for source in last.sources] == ["timetable"]


async def test_a_model_is_told_which_stations_there_are(outcome) -> None:
    assert await outcome(departures, '{"station": "Oslo"}') == FailedCall(
        "There is no station called Oslo. There are: Malmö, Lund."
    )
    assert "in argument `after`" in (await outcome(departures, '{"station": "Lund", "after": "noon"}')).reason


async def test_a_seat_is_reserved_once_however_often_the_call_is_made(context: ToolContext[Any]) -> None:
    anna = Customer("Anna")
    context = replace(context, state=anna)
    for _ in range(2):
        events = [event async for event in run_call(reserve_seat, '{"train": "10:14", "seat": "12A"}', context)]
        assert events == [ToolProgress("Reserving seat 12A"), Returned("Reserved for Anna: 10:14 12A")]
    assert anna.seats == {"harbour:d7:3": "10:14 12A"}


def test_a_reservation_is_asked_about_first() -> None:
    assert reserve_seat.approval_question('{"train": "10:14", "seat": "12A"}') == (
        "May I call reserve_seat(train='10:14', seat='12A')?"
    )
