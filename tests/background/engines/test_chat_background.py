"""A background model behind a server, at work for a real worker, over real sockets."""

import json
from contextlib import aclosing
from itertools import zip_longest

import anyio
import msgspec
import pytest
from chat_server import (
    CUT,
    FOREVER,
    Script,
    Wire,
    answers,
    asks_for,
    call_parts,
    chunk,
    pieces,
    refuses,
    serving,
    web_page,
    whole,
)

from counterpoint.background.engines import chat
from counterpoint.background.engines.chat import FILTERED, STILL_THINKING, ChatBackground
from counterpoint.background.engines.chat_prompt import Calling, ChatSettings
from counterpoint.background.engines.load import load_background
from counterpoint.background.model import Answer, Call, Observation, Progress, Say, Usage
from counterpoint.engines.http import faults
from counterpoint.engines.http.faults import ServerFault
from counterpoint.errors import ConfigurationError, ModelFailed
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.entries import Settled, ToolCalled, ToolReturned
from counterpoint.shared_context.ids import Beat, CallId, ConversationId, DelegationId, Position
from counterpoint.shared_context.notes import Source
from counterpoint.shared_context.package import ContextPackage, Speaker, Utterance, Work
from counterpoint.tools.definition import tool
from counterpoint.tools.passage_table import Passage

pytestmark = pytest.mark.real

FERRY = Passage("The ferry to Ystad leaves at ten.", Source("ferries.md", "Ferries"))
ASKED = '{"query": "ferry"}'


@tool
async def search(query: str):
    """Search the documents."""
    yield FERRY


@tool
async def platform(train: int) -> str:
    """The platform that a train leaves from."""
    return f"Platform {train % 10}."


@pytest.fixture(autouse=True)
def pauses_are_short(monkeypatch):
    monkeypatch.setattr(faults, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(faults, "LONGEST_PAUSE", 0.002)


def package(request="When does the ferry leave?", words=(), seconds=20.0):
    delegation = Delegation(DelegationId("d"), ConversationId("c"), request, seconds=seconds)
    work = Work(delegation, DelegationState.TAKEN, Beat(1))
    said = tuple(Utterance(Speaker.PERSON, Beat(at), Beat(at), text) for at, text in enumerate(words))
    return ContextPackage(
        ConversationId("c"), Position(1), Beat(9), utterances=said, work=(work,), delegation=delegation.id
    )


async def steps(url, *, tools=(), observations=(), model="m", settings=None, about=None, **options):
    background = ChatBackground(f"{url}#{model}", settings=settings or ChatSettings(), **options)
    async with aclosing(background.think(about or package(), tools, observations)) as thinking:
        return [step async for step in thinking]


async def round_of(*scripts, **options):
    async with serving(Wire(*scripts)) as url:
        return await steps(url, **options)


async def worked(scene, *scripts, request="When does the ferry leave?", models=({"id": "m"},)):
    """A delegation from beginning to end. Returns its state, what was told, and the wire."""
    wire = Wire(*scripts, models=models)
    async with serving(wire) as url, scene() as host:
        await host.work(ChatBackground(f"{url}#m"), search, platform)
        await host.ask(request, seconds=20.0)
        state = await host.state()
        return state, await host.told(), wire, host


async def test_an_answer_is_told_by_the_sentence_as_it_comes(scene):
    state, told, wire, _ = await worked(scene, answers("The ferry leaves at ten. Platform three is the place."))
    assert state is DelegationState.DONE
    assert [text for _, text in told] == ["The ferry leaves at ten.", "Platform three is the place."]
    (asked,) = wire.asked
    assert asked["stream"] is True
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert "When does the ferry leave?" in asked["messages"][1]["content"]
    assert [each["function"]["name"] for each in asked["tools"]] == ["search", "platform"]


async def test_the_first_sentence_is_told_while_the_rest_is_being_written(scene):
    gate = anyio.Event()
    script = Script(*pieces("At ten o'clock. And"), gate.wait, *pieces(" not later."), chunk("stop"))
    async with serving(Wire(script)) as url, scene() as host:
        await host.work(ChatBackground(f"{url}#m"))
        await host.ask()
        while not await host.told():
            await anyio.sleep(0.001)
        assert await host.told() == [("partial", "At ten o'clock.")]
        gate.set()
        assert await host.state() is DelegationState.DONE


async def test_a_call_is_made_and_the_model_gets_what_came_of_it(scene):
    state, told, wire, host = await worked(scene, asks_for("search", ASKED), answers("It leaves at ten."))
    assert state is DelegationState.DONE
    assert told[-1][1] == "It leaves at ten."
    *_, called, returned = wire.asked[1]["messages"]
    (call,) = called["tool_calls"]
    assert call["function"] == {"name": "search", "arguments": ASKED}
    assert returned["role"] == "tool"
    assert returned["tool_call_id"] == call["id"] == "call_search_0"
    assert "| " in returned["content"]
    assert "The ferry to Ystad leaves at ten." in returned["content"]
    results = [note for note in await host.notes() if note.kind.value == "result"]
    assert [source.place for note in results for source in note.sources] == ["ferries.md"]


async def test_several_calls_at_once_are_told_apart(scene):
    first, second = call_parts("search", ASKED), call_parts("platform", '{"train": 14}', index=1)
    in_turn = [part for pair in zip_longest(first, second) for part in pair if part]
    made = await round_of(Script(*in_turn, chunk("tool_calls")))
    assert [(step.tool, step.arguments) for step in made if isinstance(step, Call)] == [
        ("search", ASKED),
        ("platform", '{"train": 14}'),
    ]


async def test_whole_calls_that_all_have_the_number_0_are_told_apart():
    calls = [
        {"index": 0, "id": "call_a", "function": {"name": "search", "arguments": ASKED}},
        {"index": 0, "id": "call_b", "function": {"name": "platform", "arguments": {"train": 14}}},
    ]
    made = await round_of(Script(chunk("tool_calls", tool_calls=calls)))
    assert [(step.id, step.tool) for step in made if isinstance(step, Call)] == [
        ("call_a", "search"),
        ("call_b", "platform"),
    ]
    assert json.loads(made[-1].arguments) == {"train": 14}


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("search", '{"query": "fer', "not JSON that can be read"),
        ("search", '{"words": 3}', "The arguments do not fit"),
        ("serch", ASKED, "Did you mean search?"),
        ("", ASKED, "There is no tool"),
    ],
)
async def test_a_call_that_cannot_be_made_is_explained_to_the_model_which_goes_on(scene, name, arguments, told):
    state, _, wire, host = await worked(scene, asks_for(name, arguments), answers("I could not look it up."))
    assert state is DelegationState.DONE
    returned = wire.asked[1]["messages"][-1]
    assert returned["role"] == "tool"
    assert told in returned["content"]
    assert await host.bodies(ToolReturned) == [] or (await host.bodies(ToolReturned))[0].failed


async def test_thoughts_are_never_told_but_long_thinking_is(monkeypatch):
    monkeypatch.setattr(chat, "THINKING_SECONDS", 0.0)
    for field in ("reasoning", "reasoning_content"):
        made = await round_of(
            Script(chunk(**{field: "The user wants"}), chunk(**{field: " a ferry."}), *pieces("At ten."), chunk("stop"))
        )
        assert [step for step in made if isinstance(step, Progress)] == [Progress(STILL_THINKING)]
        assert made[-1] == Answer("At ten.")


async def test_thoughts_left_in_the_text_are_not_told():
    made = await round_of(Script(*pieces("<think>They want a ferry. Ten?</think> At ten."), chunk("stop")))
    assert [step.text for step in made if isinstance(step, Say)] == ["At ten."]


async def test_what_was_read_and_written_is_counted_by_the_server_or_estimated():
    counted = await round_of(answers("At ten."))
    assert Usage(30, 7) in counted
    (estimated,) = [
        step for step in await round_of(Script(*pieces("At ten."), chunk("stop"))) if isinstance(step, Usage)
    ]
    assert estimated.read > 20
    assert estimated.written >= 2


async def test_half_a_sentence_at_the_limit_is_not_told_if_there_is_a_whole_one():
    made = await round_of(answers("It leaves at ten. The platform is num", finish="length"))
    assert made[-1] == Answer("It leaves at ten.")


async def test_thinking_until_the_limit_is_a_failure_that_says_what_to_change():
    with pytest.raises(ModelFailed, match="raise answer_tokens"):
        await round_of(Script(chunk(reasoning="Hmm. " * 50), chunk("length")))


async def test_a_content_filter_is_admitted():
    assert (await round_of(Script(chunk("content_filter"))))[-1] == Answer(FILTERED)
    made = await round_of(Script(*pieces("It leaves at ten. And"), chunk("content_filter")))
    assert made[-1].text.endswith(FILTERED)


async def test_an_endless_answer_is_cut_off_and_the_server_told_to_stop(scene):
    wire = Wire(Script(*pieces(" and on"), FOREVER))
    async with serving(wire) as url:
        made = await steps(url, settings=ChatSettings(answer_tokens=50))
        while wire.open:
            await anyio.sleep(0.001)
    assert wire.hung_up == 1
    assert len(made[-1].text) < 50 * 12 + 20


async def test_endless_arguments_are_cut_off_too():
    part = chunk(tool_calls=[{"index": 0, "function": {"name": None, "arguments": "[" * 100}}])
    made = await round_of(Script(*call_parts("search", ""), part, FOREVER), settings=ChatSettings(answer_tokens=50))
    (call,) = [step for step in made if isinstance(step, Call)]
    assert len(call.arguments) <= 100 * 12


# servers that fail


@pytest.mark.parametrize(
    "fault",
    [
        refuses(500, "boom"),
        refuses(503, "overloaded"),
        refuses(429, "slow down", ("retry-after", "0")),
        refuses(429, "slow down", ("retry-after-ms", "5")),
        refuses(429, "slow down", ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT")),
        Script(done=False),
        Script(CUT),
        Script(b"data: {nonsense\n\n", done=False),
        Script({"error": {"message": "CUDA out of memory", "code": 500}}, done=False),
        Script(chunk(role="assistant"), chunk(reasoning="Hmm"), CUT),
    ],
)
async def test_what_may_pass_is_tried_again_while_nothing_has_come(scene, fault):
    state, told, wire, _ = await worked(scene, fault, answers("At ten."))
    assert state is DelegationState.DONE
    assert [text for _, text in told] == ["At ten."]
    assert len(wire.asked) == 2


@pytest.mark.parametrize("end", [[CUT], [{"error": {"message": "out of memory"}}], [b"data: {\n\n"], []])
async def test_half_an_answer_is_told_and_the_rest_admitted_to_be_lost(scene, end):
    half = Script(*pieces("The ferry leaves at ten. The pla"), *end, done=False)
    state, told, wire, host = await worked(scene, half)
    assert state is DelegationState.FAILED
    assert told[0] == ("partial", "The ferry leaves at ten.")
    assert told[-1][0] == "failure"
    assert len(wire.asked) == 1
    assert (await host.bodies(Settled))[0].reason == "the background model failed"


@pytest.mark.parametrize(
    ("fault", "says", "error"),
    [
        (refuses(401, "Incorrect API key provided"), "wants a key", ConfigurationError),
        (refuses(400, "messages: field required"), "answered 400: messages", ServerFault),
        (refuses(429, "You exceeded your current quota, check your billing"), "quota", ServerFault),
        (web_page(), "a web page; does its address end in /v1", ServerFault),
        (web_page(502, "Bad gateway"), "Bad gateway", ServerFault),
        (
            Script(status=307, headers=(("location", "https://elsewhere/v1?token=1"),)),
            "use https://elsewhere/v1",
            ServerFault,
        ),
        (Script(b"data: " + b"x" * 1_100_000, done=False), "a line without end", ServerFault),
        (Script(done=False), "broke off in the middle", ServerFault),
        (refuses(429, "later", ("retry-after", "3600")), "answered 429", ServerFault),
    ],
)
async def test_what_does_not_pass_is_an_error_that_says_so(scene, fault, says, error):
    with pytest.raises(error, match=says) as raised:
        await round_of(fault)
    assert "token=1" not in str(raised.value)
    state, told, _, _ = await worked(scene, fault)
    assert state is DelegationState.FAILED
    assert [kind for kind, _ in told] == ["failure"]


async def test_nothing_at_all_is_admitted(scene):
    state, told, _, host = await worked(scene, Script(chunk("stop")))
    assert state is DelegationState.FAILED
    assert "I found no answer" in told[0][1]
    assert (await host.bodies(Settled))[0].reason == "no answer"


async def test_a_wrong_model_is_told_which_there_are():
    wire = Wire(refuses(404, "The model `m` does not exist."), models=({"id": "smollm2"}, {"id": "qwen"}))
    async with serving(wire) as url:
        with pytest.raises(ConfigurationError, match="has no model 'm'; it has: qwen, smollm2"):
            await steps(url)


async def test_without_a_name_the_only_model_is_meant():
    wire = Wire(answers("At ten."), models=({"id": "the-one"},))
    async with serving(wire) as url:
        await steps(url, model="")
    assert wire.asked[0]["model"] == "the-one"
    async with serving(Wire(answers("At ten."), models=({"id": "a"}, {"id": "b"}))) as url:
        with pytest.raises(ConfigurationError, match=r"which model .* it has: a, b"):
            await steps(url, model="")


async def test_a_server_that_is_not_there_is_a_failure_and_the_conversation_goes_on(scene):
    async with scene() as host:
        await host.work(ChatBackground("http://127.0.0.1:9/v1#m"))
        await host.ask(seconds=2.0)
        assert await host.state() is DelegationState.FAILED
        assert [kind for kind, _ in await host.told()] == ["failure"]


async def test_the_time_of_the_delegation_bounds_the_tries():
    with pytest.raises(ServerFault, match="429"):
        await round_of(refuses(429, "later", ("retry-after", "5")), about=package(seconds=1.0))


async def test_a_withdrawal_stops_the_server(scene):
    wire = Wire(Script(*pieces("and on"), 0.001, FOREVER))
    async with serving(wire) as url, scene() as host:
        await host.work(ChatBackground(f"{url}#m", settings=ChatSettings(answer_tokens=100_000)))
        delegation = await host.ask()
        while not wire.open:
            await anyio.sleep(0.001)
        await host.withdraw(delegation)
        while wire.open:
            await anyio.sleep(0.001)
    assert wire.hung_up == 1


async def test_wherever_it_is_stopped_nothing_is_held_and_the_next_round_works():
    wire = Wire(
        Script(*pieces("One sentence. And"), 0.002, *pieces(" another. So"), 0.002, *pieces(" on."), chunk("stop"))
    )
    async with serving(wire) as url:
        model = ChatBackground(f"{url}#m")

        async def think():
            async with aclosing(model.think(package(), (), ())) as thinking:
                return [step async for step in thinking][-1]

        for number in range(40):
            with anyio.move_on_after(number * 0.0005):
                await think()
        while wire.open:
            await anyio.sleep(0.001)
        assert model._server._endpoint._connections._client is None
        assert await think() == Answer("One sentence. And another. So on.")


# what differs between servers


async def test_tools_are_asked_for_in_the_text_where_the_server_knows_none(scene):
    unable = refuses(400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set')
    written = answers('<call>{"name": "search", "arguments": {"query": "ferry"}}</call>')
    state, _, wire, host = await worked(scene, unable, written, answers("It leaves at ten."))
    assert state is DelegationState.DONE
    assert [call.tool for call in await host.bodies(ToolCalled)] == ["search"]
    assert "tools" in wire.asked[0]
    assert all("tools" not in asked for asked in wire.asked[1:])
    assert "<call>" in wire.asked[1]["messages"][0]["content"]
    assert "leaves at ten" in wire.asked[2]["messages"][1]["content"]


async def test_a_context_that_is_too_small_gets_less(scene):
    words = [f"I told you about train {number} and its {number} cars, didn't I?" for number in range(400)]
    small = refuses(400, "This model's maximum context length is 1024 tokens. However, you requested 9000 tokens")
    wire = Wire(small, answers("At ten."))
    async with serving(wire) as url:
        await steps(url, about=package(words=words))
    before, after = (sum(len(message["content"]) for message in asked["messages"]) for asked in wire.asked)
    assert before > 20_000
    assert after < 1024 * 4
    assert wire.asked[1]["max_tokens"] <= 256
    assert "When does the ferry leave?" in wire.asked[1]["messages"][1]["content"]


async def test_a_server_that_tells_its_context_is_never_asked_too_much():
    words = [f"I told you about train {number} and its {number} cars, didn't I?" for number in range(400)]
    long = [Observation("The ferry leaves at ten. " * 2000, Call(CallId("a"), "search", ASKED))]
    wire = Wire(answers("At ten."), models=({"id": "m", "max_model_len": 2048},))
    async with serving(wire) as url:
        await steps(url, about=package(words=words), tools=[search.schema], observations=long)
    (asked,) = wire.asked
    assert len(json.dumps(asked)) / 4 + asked["max_tokens"] < 2048


LLAMA_CPP = ({"id": "m", "owned_by": "llamacpp", "meta": {"n_ctx": 4096}},)


def llama_cpp(*scripts, tools=True):
    return Wire(*scripts, models=LLAMA_CPP, props={"chat_template_caps": {"supports_tools": tools}})


REQUIRED = ChatSettings(tools=Calling.REQUIRED)


async def test_llama_cpp_is_held_to_the_shape_of_a_call_since_it_lets_text_come_before_one():
    wire = llama_cpp(answers(f'{{"name": "search", "arguments": {ASKED}}}'), answers("At ten."))
    async with serving(wire) as url:
        made = await steps(url, settings=REQUIRED, tools=[search.schema])
        (call,) = [step for step in made if isinstance(step, Call)]
        assert (call.tool, json.loads(call.arguments)) == ("search", json.loads(ASKED))
        assert not any(isinstance(step, Say | Answer) for step in made)
        *_, answer = await steps(
            url, settings=REQUIRED, tools=[search.schema], observations=[Observation("Ten.", call)]
        )
    assert answer == Answer("At ten.")
    first, second = wire.asked
    assert "tools" not in first
    shape = first["response_format"]["json_schema"]["schema"]
    assert shape["properties"]["name"] == {"const": "search"}
    assert shape["properties"]["arguments"] == search.schema.parameters
    assert "response_format" not in second
    assert second["messages"][-1]["role"] == "tool"


async def test_of_several_tools_any_may_be_called():
    wire = llama_cpp(answers(f'{{"name": "search", "arguments": {ASKED}}}'))
    async with serving(wire) as url:
        await steps(url, settings=REQUIRED, tools=[platform.schema, search.schema])
    shape = wire.asked[0]["response_format"]["json_schema"]["schema"]
    assert [each["properties"]["name"]["const"] for each in shape["anyOf"]] == ["platform", "search"]


async def test_half_a_call_that_was_held_to_its_shape_is_a_call_that_fits_nothing():
    async with serving(llama_cpp(answers('{"name": "search", "argum', finish="length"))) as url:
        made = await steps(url, settings=REQUIRED, tools=[search.schema])
    (call,) = [step for step in made if isinstance(step, Call)]
    assert (call.tool, call.arguments) == ("search", '{"name": "search", "argum')


async def test_a_template_that_knows_no_tools_is_asked_for_calls_in_its_text():
    for tools in (False, True):
        wire = llama_cpp(answers("At ten."), tools=tools)
        async with serving(wire) as url:
            await steps(url, tools=[search.schema])
        assert ("tools" in wire.asked[0]) is tools
        assert ("<call>" in str(wire.asked[0]["messages"])) is not tools


async def test_a_server_that_holds_no_answer_to_a_shape_is_asked_without():
    call = f'<call>{{"name": "search", "arguments": {ASKED}}}</call>'
    wire = llama_cpp(refuses(400, "response_format is not supported"), answers(call), tools=False)
    async with serving(wire) as url:
        made = await steps(url, settings=REQUIRED, tools=[search.schema])
    assert [step.tool for step in made if isinstance(step, Call)] == ["search"]
    assert "response_format" not in wire.asked[1]


async def test_a_first_call_can_be_required_and_then_it_answers():
    settings = ChatSettings(tools=Calling.REQUIRED)
    wire = Wire(asks_for("search", ASKED), answers("At ten."))
    async with serving(wire) as url:
        *_, call = await steps(url, settings=settings, tools=[search.schema])
        await steps(url, settings=settings, tools=[search.schema], observations=[Observation("ten", call)])
    assert wire.asked[0]["tool_choice"] == "required"
    assert "tools" not in wire.asked[1]


SEARCHING = ChatSettings(tools=Calling.SEARCH)
FOUND = msgspec.json.encode([FERRY]).decode()


async def test_a_small_model_is_asked_only_when_the_search_is_made_and_says_only_what_was_found():
    wire = Wire(answers("The ferry to Ystad leaves at ten. Its captain is called Ferdinand."))
    async with serving(wire) as url:
        (call,) = await steps(url, settings=SEARCHING, tools=[platform.schema, search.schema])
        assert (call.tool, json.loads(call.arguments)) == ("search", {"query": "When does the ferry leave?"})
        assert wire.asked == []
        observations = [Observation(FOUND, call)]
        made = await steps(url, settings=SEARCHING, tools=[search.schema], observations=observations)
    assert [step.text for step in made if isinstance(step, Say)] == ["The ferry to Ystad leaves at ten."]
    assert made[-1] == Answer("The ferry to Ystad leaves at ten.", sources=(FERRY.source,))
    assert "tools" not in wire.asked[0]
    assert FERRY.text in wire.asked[0]["messages"][0]["content"]


async def test_where_a_small_model_says_nothing_that_was_found_it_is_quoted():
    async with serving(Wire(answers("You are a friendly companion."))) as url:
        (call,) = await steps(url, settings=SEARCHING, tools=[search.schema])
        observations = [Observation(FOUND, call)]
        made = await steps(url, settings=SEARCHING, tools=[search.schema], observations=observations)
    assert not [step for step in made if isinstance(step, Say)]
    assert made[-1] == Answer(f"According to Ferries: {FERRY.text}", sources=(FERRY.source,))


async def test_where_the_search_found_nothing_the_model_is_not_asked():
    wire = Wire(answers("Anything."))
    async with serving(wire) as url:
        (call,) = await steps(url, settings=SEARCHING, tools=[search.schema])
        observations = [Observation("[]", call)]
        (answer,) = await steps(url, settings=SEARCHING, tools=[search.schema], observations=observations)
    assert "found nothing" in answer.text
    assert wire.asked == []


async def test_without_a_tool_that_searches_a_model_that_should_may_call_the_others():
    wire = Wire(asks_for("platform", '{"train": 13}'))
    async with serving(wire) as url:
        *_, call = await steps(url, settings=SEARCHING, tools=[platform.schema])
    assert call.tool == "platform"
    assert wire.asked[0]["tools"]


async def test_a_correction_stands_where_it_was_made():
    observations = [
        Observation("Ten.", Call(CallId("a"), "search", ASKED)),
        Observation("no, tomorrow"),
        Observation("Eleven.", Call(CallId("b"), "search", "not json")),
    ]
    wire = Wire(answers("At eleven."))
    async with serving(wire) as url:
        await steps(url, tools=[search.schema], observations=observations)
    roles = [message["role"] for message in wire.asked[0]["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "user", "assistant", "tool"]
    assert wire.asked[0]["messages"][5]["tool_calls"][0]["function"]["arguments"] == "{}"


async def test_an_answer_that_is_not_streamed_is_understood():
    body = {"choices": [{"message": {"role": "assistant", "content": "At ten."}, "finish_reason": "stop"}]}
    assert (await round_of(whole(body)))[-1] == Answer("At ten.")


async def test_many_at_once_ask_for_the_list_of_models_once():
    wire = Wire(answers("At ten."))
    async with serving(wire) as url, ChatBackground(f"{url}#m") as model, anyio.create_task_group() as tasks:

        async def think():
            async with aclosing(model.think(package(), (), ())) as thinking:
                [_ async for _ in thinking]

        for _ in range(20):
            tasks.start_soon(think)
    assert len(wire.asked) == 20
    assert len(wire.seen) == 21


async def test_a_server_that_lists_no_models_is_asked_for_them_once():
    wire = Wire(answers("At ten."), models=None)
    async with serving(wire) as url, ChatBackground(f"{url}#m") as model:
        for _ in range(2):
            async with aclosing(model.think(package(), (), ())) as thinking:
                [_ async for _ in thinking]
    assert len(wire.seen) == 3


# keys and names


async def test_the_key_goes_into_one_header_and_nowhere_else(monkeypatch, caplog, scene):
    secret = "sk-very-secret"
    monkeypatch.setenv("MY_KEY", secret)
    wire = Wire(refuses(401, f"Incorrect API key provided: {secret}"), models=None)
    async with serving(wire) as url, scene() as host:
        model = load_background(f"{url}?key=MY_KEY#m")
        await host.work(model)
        await host.ask()
        assert await host.state() is DelegationState.FAILED
        with pytest.raises(ConfigurationError, match="came from: MY_KEY") as raised:
            async with aclosing(model.think(package(), (), ())) as thinking:
                await anext(thinking)
    assert wire.seen[-1].headers["authorization"] == f"Bearer {secret}"
    assert secret not in str(raised.value) + caplog.text + repr(model) + repr(vars(model)) + model.name


async def test_the_trace_goes_along():
    from opentelemetry.sdk.trace import TracerProvider

    wire = Wire(answers("At ten."))
    with TracerProvider().get_tracer("t").start_as_current_span("work") as span:
        async with serving(wire) as url:
            await steps(url)
    assert f"{span.get_span_context().trace_id:032x}" in wire.seen[-1].headers["traceparent"]


async def test_settings_stand_in_the_address():
    wire = Wire(answers("At ten."))
    async with serving(wire) as url:
        model = load_background(f"{url}?answer_tokens=77&temperature=0.5#m")
        async with aclosing(model.think(package(), (), ())) as thinking:
            [_ async for _ in thinking]
    assert wire.asked[0]["max_tokens"] == 77
    assert wire.asked[0]["temperature"] == 0.5
    with pytest.raises(ConfigurationError, match="known are: key, tools, answer_tokens"):
        load_background("http://localhost/v1?speed=9#m")


async def test_entered_it_keeps_its_connection_between_rounds():
    wire = Wire(answers("At ten."))
    ports = set()

    async def watching(scope, receive, send):
        ports.add(scope["client"][1])
        await wire(scope, receive, send)

    async with serving(watching) as url, ChatBackground(f"{url}#m") as model:
        for _ in range(3):
            async with aclosing(model.think(package(), (), ())) as thinking:
                [_ async for _ in thinking]
    assert len(ports) == 1


async def test_it_can_be_checked_before_anybody_talks():
    async with serving(Wire(answers(""), models=({"id": "m"},))) as url:
        await ChatBackground(f"{url}#m").check()
        with pytest.raises(ConfigurationError, match="it has: m"):
            await ChatBackground(f"{url}#other").check()
    with pytest.raises(ServerFault, match="cannot be reached"):
        await ChatBackground(f"{url}#m").check()
    async with serving(Wire(answers(""), models=None)) as url:
        await ChatBackground(f"{url}#m").check()
    async with serving(Wire(answers(""), models=refuses(401, "no key"))) as url:
        with pytest.raises(ConfigurationError, match="set OPENAI_API_KEY"):
            await ChatBackground(f"{url}#m").check()
