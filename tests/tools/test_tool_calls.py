"""What a model, and the person behind it, get when a tool is called."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import anyio
import msgspec
import pytest

from counterpoint.errors import ToolError, ToolUnavailable
from counterpoint.shared_context.notes import Source
from counterpoint.tools import (
    Calls,
    FailedCall,
    PartialResult,
    Returned,
    Tool,
    ToolContext,
    ToolProgress,
    run_call,
    tool,
)

pytestmark = pytest.mark.virtual


class Ferry(msgspec.Struct):
    at: str
    source: Source

    def __str__(self) -> str:
        return f"a ferry at {self.at}"


@dataclasses.dataclass
class Fare:
    price: float


class Refusing(BaseException):
    """Not even an `Exception`."""


def a_tool(function: Any, **options: Any) -> Tool[..., Any]:
    return tool(name="t", **options)(function)


async def test_a_coroutine_gives_one_result(ran) -> None:
    async def add(left: int, right: int = 1) -> dict[str, int]:
        return {"sum": left + right}

    assert await ran(a_tool(add), '{"left": 2}') == [Returned('{"sum":3}')]


async def test_each_yield_is_passed_on_at_once_and_all_of_them_are_the_result(context) -> None:
    async def ferries() -> AsyncGenerator[Ferry, None]:
        for hour in (9, 10):
            await anyio.sleep(1)
            yield Ferry(f"{hour}:00", Source("timetable.md"))

    async with aclosing(run_call(a_tool(ferries), "{}", context)) as events:
        seen = [(anyio.current_time(), event) async for event in events]
    source = (Source("timetable.md"),)
    assert seen == [
        (1.0, PartialResult("a ferry at 9:00", source)),
        (2.0, PartialResult("a ferry at 10:00", source)),
        (2.0, Returned("a ferry at 9:00\na ferry at 10:00", source)),
    ]


async def test_progress_is_heard_while_the_tool_works(context) -> None:
    async def slow(context: ToolContext[Any]) -> str:
        context.progress("looking")
        await anyio.sleep(2)
        context.progress(" " * 3)
        context.progress("x" * 10_000)
        await anyio.sleep(2)
        return "found"

    async with aclosing(run_call(a_tool(slow), "{}", context)) as events:
        seen = [(anyio.current_time(), event) async for event in events]
    assert seen == [
        (0.0, ToolProgress("looking")),
        (2.0, ToolProgress("x" * 500)),
        (4.0, Returned("found")),
    ]


async def test_progress_that_nobody_has_read_yet_gives_way_to_newer(ran) -> None:
    async def busy(context: ToolContext[Any]) -> AsyncGenerator[str, None]:
        for index in range(100_000):
            context.progress(f"step {index}")
        yield "half"
        for index in range(100_000):
            context.progress(f"again {index}")

    assert await ran(a_tool(busy)) == [
        ToolProgress("step 99999"),
        PartialResult("half"),
        ToolProgress("again 99999"),
        Returned("half"),
    ]


async def test_the_context_says_which_call_it_is(outcome) -> None:
    async def who(context: ToolContext[dict[str, str]]) -> list[object]:
        return [context.idempotency_key, context.call, context.attempt, context.state]

    assert await outcome(a_tool(who)) == Returned('["harbour:d7:3","c1",1,{}]')


async def test_reading_the_conversation_where_there_is_none_is_said_to_the_model(outcome) -> None:
    async def recall(context: ToolContext[Any]) -> str:
        return context.package.earlier

    assert await outcome(a_tool(recall)) == FailedCall("this tool reads the conversation, but was called outside one")


async def test_arguments_that_do_not_fit_fail_before_anything_is_done(outcome) -> None:
    done = []

    async def act(times: int) -> None:
        done.append(times)

    failed = await outcome(a_tool(act, effects="write"), '{"times": "five"}')
    assert failed == FailedCall(
        "The arguments do not fit: Expected `int`, got `str`, in argument `times`. "
        "Call t(times: int) again with one JSON object that fits."
    )
    assert done == []


async def test_a_tool_error_reaches_the_model_word_for_word(outcome) -> None:
    async def refuse() -> None:
        raise ToolError("No ferry runs in winter; ask for April or later. token=abc")

    assert await outcome(a_tool(refuse)) == FailedCall("No ferry runs in winter; ask for April or later. token=abc")


async def test_a_tool_that_is_unavailable_may_be_called_again(outcome) -> None:
    async def down() -> None:
        raise ToolUnavailable("The timetable is being updated.")

    assert await outcome(a_tool(down)) == FailedCall("The timetable is being updated.", retryable=True)
    assert await outcome(a_tool(down, effects="write")) == FailedCall("The timetable is being updated.")


async def test_an_error_inside_a_task_group_of_the_tool_is_told_as_itself(outcome) -> None:
    async def grouped() -> None:
        async def refuse() -> None:
            raise ToolError("not today")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(refuse)

    assert await outcome(a_tool(grouped)) == FailedCall("not today")


async def test_any_other_exception_is_told_by_type_and_message(outcome) -> None:
    async def broken() -> None:
        raise KeyError("station")

    assert await outcome(a_tool(broken)) == FailedCall("t failed: KeyError: 'station'")
    assert await outcome(a_tool(broken, effects="write")) == FailedCall("t failed: KeyError: 'station'", unsure=True)


async def test_an_exception_in_the_middle_keeps_what_was_found_before(ran) -> None:
    async def broken() -> AsyncGenerator[str, None]:
        yield "one"
        raise ConnectionResetError("peer went away")

    assert await ran(a_tool(broken)) == [
        PartialResult("one"),
        FailedCall("t failed: ConnectionResetError: peer went away", retryable=True),
    ]


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("GET https://x.org/?api_key=abc123&q=1", "GET https://x.org/?api_key=***&q=1"),
        ("https://anna:hunter2@x.org/ refused", "https://***@x.org/ refused"),
        ("header Authorization: Bearer abcdef.123-456", "header Authorization: Bearer ***"),
        ("{'password': 'hunter2', 'user': 'anna'}", "{'password': '***', 'user': 'anna'}"),
        ("DB_PASSWORD=hunter2 host=db", "DB_PASSWORD=*** host=db"),
        ("bad key tvly-0123456789abcdef", "bad key ***"),
        ("401 for X-Api-Key: 12345", "401 for X-Api-Key: ***"),
        ("no token was given", "no token was given"),
    ],
)
async def test_secrets_in_an_exception_are_not_told(outcome, message: str, told: str) -> None:
    async def leaky() -> None:
        raise RuntimeError(message)

    assert await outcome(a_tool(leaky)) == FailedCall(f"t failed: RuntimeError: {told}")


async def test_a_long_message_is_cut(outcome) -> None:
    async def verbose() -> None:
        raise RuntimeError("<html>" * 10_000)

    assert len((await outcome(a_tool(verbose))).reason) < 600


async def test_a_tool_that_ends_the_process_ends_only_its_call(outcome) -> None:
    async def leave() -> None:
        raise SystemExit(3)

    assert await outcome(a_tool(leave)) == FailedCall("t failed: it tried to end the process")


async def test_a_tool_that_raises_what_is_not_an_exception_fails_like_any_other(outcome) -> None:
    async def refuse() -> None:
        raise Refusing("no")

    assert await outcome(a_tool(refuse)) == FailedCall("t failed: Refusing: no")


async def test_a_tool_that_cancels_itself_fails(outcome) -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    assert await outcome(a_tool(give_up)) == FailedCall("t failed: it was cancelled from within")


async def test_a_tool_that_hangs_is_stopped_at_its_timeout(outcome) -> None:
    async def hang() -> None:
        await anyio.sleep_forever()

    failed = await outcome(a_tool(hang, timeout=3))
    assert failed == FailedCall("t was stopped: it took longer than 3 seconds", retryable=True)
    assert anyio.current_time() == 3


async def test_progress_and_yields_do_not_extend_the_timeout(ran) -> None:
    async def chatty(context: ToolContext[Any]) -> AsyncGenerator[int, None]:
        for index in range(100):
            await anyio.sleep(1)
            context.progress(str(index))
            yield index

    *_, last = await ran(a_tool(chatty, timeout=2.5))
    assert last == FailedCall("t was stopped: it took longer than 2.5 seconds", retryable=True)
    assert anyio.current_time() == 2.5


async def test_a_write_that_was_cut_short_may_or_may_not_have_acted(outcome) -> None:
    async def hang() -> None:
        await anyio.sleep_forever()

    failed = await outcome(a_tool(hang, timeout=3, effects="write"))
    assert failed.reason == ("t was stopped: it took longer than 3 seconds; whether it changed anything is not known")
    assert failed.unsure
    assert not failed.retryable


async def test_a_stopped_tool_may_clean_up_for_a_second(outcome) -> None:
    cleaned = []

    async def tidy() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await anyio.sleep(0.9)
            cleaned.append(anyio.current_time())

    assert (await outcome(a_tool(tidy, timeout=3))).reason == "t was stopped: it took longer than 3 seconds"
    assert cleaned == [3.9]


async def test_a_result_that_comes_while_the_tool_is_being_stopped_still_counts(outcome) -> None:
    async def commit() -> str:
        try:
            await anyio.sleep_forever()
        except asyncio.CancelledError:
            await anyio.sleep(0.5)
        return "booked"

    assert await outcome(a_tool(commit, timeout=3, effects="write")) == Returned("booked")


async def test_cleaning_up_for_longer_is_interrupted(outcome) -> None:
    async def dawdle() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await anyio.sleep(60)

    failed = await outcome(a_tool(dawdle, timeout=3))
    assert failed.reason.startswith("t was stopped: it took longer than 3 seconds; it did not stop within 1 second")
    assert not failed.retryable
    assert anyio.current_time() == 4


async def test_a_tool_that_ignores_being_cancelled_is_reported_and_left_behind(outcome, caplog) -> None:
    let_go = anyio.Event()

    async def stubborn() -> None:
        while not let_go.is_set():
            try:
                await anyio.sleep(100)
            except asyncio.CancelledError:
                continue

    failed = await outcome(a_tool(stubborn, timeout=3))
    assert failed.reason.endswith("it did not stop within 1 second, and nobody waits for it any more")
    assert anyio.current_time() == 4
    assert "tool t ignored being cancelled" in caplog.text
    let_go.set()
    await anyio.sleep(101)


async def test_closing_the_events_stops_the_tool(context) -> None:
    stopped = []

    async def count() -> AsyncGenerator[int, None]:
        try:
            for number in range(100):
                yield number
                await anyio.sleep(1)
        finally:
            stopped.append(anyio.current_time())

    async with aclosing(run_call(a_tool(count), "{}", context)) as events:
        async for event in events:
            if event == PartialResult("2"):
                break
    assert stopped == [2.0]


async def test_cancelling_whoever_listens_stops_the_tool_and_waits_for_its_cleaning_up(context) -> None:
    cleaned = []

    async def tidy() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            await anyio.sleep(0.5)
            cleaned.append(anyio.current_time())

    with anyio.move_on_after(2):
        async with aclosing(run_call(a_tool(tidy), "{}", context)) as events:
            async for _ in events:
                pass
    assert cleaned == [2.5]


async def test_what_a_tool_says_after_its_end_is_not_heard(context) -> None:
    kept = []

    async def brief(context: ToolContext[Any]) -> str:
        kept.append(context)
        return "done"

    async with aclosing(run_call(a_tool(brief), "{}", context)) as events:
        assert [event async for event in events] == [Returned("done")]
    kept[0].progress("still here")


async def test_a_million_yields_are_cut_and_the_generator_is_closed(ran) -> None:
    closed = []

    async def flood() -> AsyncGenerator[int, None]:
        try:
            for number in range(1_000_000):
                yield number
        finally:
            await anyio.sleep(0.1)
            closed.append(number)

    *partials, last = await ran(a_tool(flood))
    assert len(partials) == 1_000
    assert last.cut
    assert last.text.startswith("0\n1\n2\n")
    assert last.text.endswith("999\n[cut after 1000 results and 3890 characters]")
    assert closed == [1_000]


async def test_a_thousand_yields_are_not_cut(ran) -> None:
    async def full() -> AsyncGenerator[int, None]:
        for number in range(1_000):
            yield number

    *_, last = await ran(a_tool(full))
    assert not last.cut


async def test_yields_beyond_the_length_of_a_result_are_cut(ran) -> None:
    async def wordy() -> AsyncGenerator[str, None]:
        for _ in range(10):
            yield "12345678"

    events = await ran(a_tool(wordy, max_result=20))
    assert events == [
        PartialResult("12345678"),
        PartialResult("12345678"),
        PartialResult("12 […]"),
        Returned("12345678\n12345678\n12 […]\n[cut after 3 results and 20 characters]", cut=True),
    ]


async def test_a_generator_that_refuses_to_close_does_not_hold_up_its_result(ran, caplog) -> None:
    async def endless() -> AsyncGenerator[str, None]:
        while True:
            try:
                yield "more"
            except GeneratorExit:
                await anyio.sleep(100)

    *_, last = await ran(a_tool(endless, max_result=10))
    assert last.cut
    assert anyio.current_time() == 1
    assert "left running" in caplog.text


async def test_a_tool_that_finds_nothing_says_so(outcome) -> None:
    async def nothing() -> AsyncGenerator[str, None]:
        for found in ():
            yield found

    async def silent() -> None: ...

    assert await outcome(a_tool(nothing)) == Returned("(no results)")
    assert await outcome(a_tool(silent)) == Returned("(done, nothing was returned)")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain <text>", "plain <text>"),
        ("", ""),
        (Ferry("9:00", Source("x")), "a ferry at 9:00"),
        (Fare(2.5), '{"price":2.5}'),
        (Source("a.md"), '{"place":"a.md"}'),
        ([1, None, {"a": (2, 3)}], '[1,null,{"a":[2,3]}]'),
        (float("nan"), "null"),
        ("lone \ud800", "lone ?"),
    ],
)
async def test_results_become_text(outcome, value: object, text: str) -> None:
    async def give() -> object:
        return value

    assert (await outcome(a_tool(give))).text == text


_ring: list[object] = []
_ring.append(_ring)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "the tool returned a object that cannot be read as text"),
        ({(1, 2): 3}, "the tool returned a dict that cannot be read as text"),
        (b"\x00\x01", "the tool returned 2 bytes of binary data"),
        (_ring, "the tool returned a list that cannot be read as text"),
        ({"a": "\ud800"}, "the tool returned a dict that cannot be read as text"),
        (range(3), "the tool returned a range that cannot be read as text"),
    ],
)
async def test_a_result_that_cannot_be_read_fails_with_what_it_was(outcome, value: object, says: str) -> None:
    async def give() -> object:
        return value

    async def stream() -> AsyncGenerator[object, None]:
        yield value

    for function in (give, stream):
        failed = await outcome(a_tool(function))
        assert isinstance(failed, FailedCall)
        assert failed.reason.startswith(says)


async def test_a_long_result_is_cut_and_says_so(outcome) -> None:
    async def give() -> str:
        return "x" * 1_000_000

    result = await outcome(a_tool(give, max_result=100))
    assert result == Returned("x" * 100 + " […]\n[cut: 100 of 1000000 characters]", cut=True)


async def test_the_sources_of_a_result_are_collected_once(outcome) -> None:
    async def give() -> list[object]:
        return [Ferry("9", Source("a")), Ferry("10", Source("a")), {"source": Source("b", "B")}, {"source": "c"}]

    assert (await outcome(a_tool(give))).sources == (Source("a"), Source("b", "B"))


class Twins:
    """Two callers that make the same call, the second one second later."""

    def __init__(self, context: ToolContext[Any], **options: Any) -> None:
        self.calls = Calls()
        self.context = context
        self.started = 0
        self.heard: dict[str, list[object]] = {"first": [], "second": []}

        async def slow(place: str = "here") -> AsyncGenerator[str, None]:
            self.started += 1
            yield f"{place} {self.started}"
            await anyio.sleep(3)
            yield "end"

        self.tool = a_tool(slow, **options)

    async def listen(self, who: str, arguments: str = "{}") -> None:
        async with aclosing(self.calls.run(self.tool, arguments, self.context)) as events:
            self.heard[who] = [(anyio.current_time(), event) async for event in events]

    async def both(self, second: str = "{}") -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.listen, "first")
            await anyio.sleep(1)
            tasks.start_soon(self.listen, "second", second)


async def test_identical_calls_run_side_by_side_by_default(context) -> None:
    twins = Twins(context)
    await twins.both()
    assert twins.started == 2


async def test_an_identical_call_can_join_the_one_that_runs(context) -> None:
    twins = Twins(context, duplicates="join")
    await twins.both(' {"place" : "here"} ')
    assert twins.started == 1
    assert twins.heard["first"] == [
        (0.0, PartialResult("here 1")),
        (3.0, PartialResult("end")),
        (3.0, Returned("here 1\nend")),
    ]
    assert twins.heard["second"] == [(1.0, PartialResult("here 1")), *twins.heard["first"][1:]]


async def test_a_joined_call_goes_on_when_the_first_caller_leaves(context) -> None:
    twins = Twins(context, duplicates="join")
    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(1):
            tasks.start_soon(twins.listen, "second")
            await twins.listen("first")
    assert [event for _, event in twins.heard["second"]][-1] == Returned("here 1\nend")
    assert twins.started == 1


async def test_an_identical_call_can_be_rejected(context) -> None:
    twins = Twins(context, duplicates="reject")
    await twins.both()
    assert twins.heard["second"] == [(1.0, FailedCall("the same call of t runs already: wait for its result"))]
    assert twins.heard["first"][-1] == (3.0, Returned("here 1\nend"))


async def test_an_identical_call_can_replace_the_one_that_runs(context) -> None:
    twins = Twins(context, duplicates="replace")
    await twins.both()
    assert twins.heard["first"][-1] == (1.0, FailedCall("t was replaced by a newer identical call", retryable=True))
    assert twins.heard["second"][-1] == (4.0, Returned("here 2\nend"))


async def test_arguments_of_any_kind_can_be_compared(ran) -> None:
    async def take(rows: dict[int, str], names: set[int | str], ferry: Ferry | None = None) -> str:
        return f"{rows} {len(names)} {ferry}"

    arguments = '{"rows": {"2": "b", "1": "a"}, "names": [1, "a"], "ferry": {"at": "9:00", "source": {"place": "x"}}}'
    assert await ran(a_tool(take), arguments) == [Returned("{2: 'b', 1: 'a'} 2 a ferry at 9:00")]


@pytest.mark.parametrize("duplicates", ["join", "reject", "replace"])
async def test_calls_with_other_arguments_are_not_identical(context, duplicates: str) -> None:
    twins = Twins(context, duplicates=duplicates)
    await twins.both('{"place": "there"}')
    assert [twins.heard[who][-1][1] for who in ("first", "second")] == [
        Returned("here 1\nend"),
        Returned("there 2\nend"),
    ]


@pytest.mark.parametrize("duplicates", ["join", "reject", "replace"])
async def test_a_call_that_has_ended_can_be_made_again(context, duplicates: str) -> None:
    twins = Twins(context, duplicates=duplicates)
    await twins.listen("first")
    await twins.listen("second")
    assert twins.heard["second"][-1][1] == Returned("here 2\nend")
    assert not twins.calls._running
