"""What is sent and what is understood, without a connection: bodies, deltas, calls, thoughts, quirks, faults."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from counterpoint.engines.http.address import Address, address_of
from counterpoint.engines.http.calls import CallAssembly, WholeCall
from counterpoint.engines.http.catalogue import Card, cards_of, listed
from counterpoint.engines.http.deltas import (
    CallPart,
    Counted,
    ErrorEvent,
    Stopped,
    Text,
    Thought,
    Unreadable,
    deltas_of,
)
from counterpoint.engines.http.faults import TRIES, ServerFault, pause_before, refused, wait_of, words_of
from counterpoint.engines.http.key import Key, key_of
from counterpoint.engines.http.quirks import Quirks, adjusted, known_quirks
from counterpoint.engines.http.request import BEGINS, Message, Request, body_of, fitted
from counterpoint.engines.http.thoughts import ThoughtReader
from counterpoint.errors import ConfigurationError
from counterpoint.tools.schema import ToolSchema

# addresses and keys


@pytest.mark.parametrize(
    ("url", "base", "model"),
    [
        ("http://localhost:8000/v1#smollm2", "http://localhost:8000/v1", "smollm2"),
        ("http://localhost:8000/v1/#Qwen/Qwen3-8B", "http://localhost:8000/v1", "Qwen/Qwen3-8B"),
        ("http://localhost:11434#llama3.2:1b", "http://localhost:11434/v1", "llama3.2:1b"),
        ("https://host/openai/v1/chat/completions#gpt", "https://host/openai/v1", "gpt"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1", ""),
        ("https://host/v1?key=NAME#a%20b", "https://host/v1", "a b"),
    ],
)
def test_an_address_names_a_server_and_a_model(url: str, base: str, model: str) -> None:
    address = address_of(url)
    assert (address.base, address.model) == (base, model)


@pytest.mark.parametrize(
    "url", ["localhost:8000", "http://", "ftp://host/v1", "http://host:port/v1", "http://host/v1?x"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="address"):
        address_of(url)


def test_a_key_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match=r"\?key=NAME") as raised:
        address_of("https://user:sk-secret@host/v1#m")
    assert "sk-secret" not in str(raised.value)
    with pytest.raises(ConfigurationError, match="it is not the key") as raised:
        key_of(address_of("https://host/v1?key=sk-secret#m"))
    assert "sk-secret" not in str(raised.value)


def test_a_key_comes_from_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_KEY", " sk-team\n")
    key = key_of(address_of("http://gateway.example/v1?key=TEAM_KEY#m"))
    assert key is not None
    assert key.header == {"Authorization": "Bearer sk-team"}
    assert repr(key) == "Key(TEAM_KEY)"
    assert key.hidden_in("wrong: sk-team!") == "wrong: (the key)!"
    monkeypatch.delenv("TEAM_KEY")
    with pytest.raises(ConfigurationError, match="no TEAM_KEY"):
        key_of(address_of("http://gateway.example/v1?key=TEAM_KEY#m"))


def test_the_usual_variable_is_used_only_where_nobody_can_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    sent = {url: key_of(address_of(url)) is not None for url in ("https://h/v1", "http://localhost/v1", "http://h/v1")}
    assert sent == {"https://h/v1": True, "http://localhost/v1": True, "http://h/v1": False}
    monkeypatch.delenv("OPENAI_API_KEY")
    assert key_of(address_of("https://h/v1")) is None


@pytest.mark.parametrize("text", ["", "  ", "sk\nsecret", "schlüssel"])
def test_what_can_be_no_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ConfigurationError, match="the key that was given is no key") as raised:
        key_of(Address("https://h/v1", "h"), text)
    assert text.strip() == "" or text not in str(raised.value)
    assert isinstance(Key("sk", "x"), Key)


# what arrives


def event(**delta: object) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


def test_text_thoughts_calls_and_ends_are_told_apart_whatever_they_are_called() -> None:
    assert deltas_of(event(content="Hi")) == [Text("Hi")]
    assert deltas_of(event(content=[{"type": "text", "text": "Hi"}, {"type": "image"}])) == [Text("Hi")]
    assert deltas_of(event(refusal="I can't.")) == [Text("I can't.")]
    assert deltas_of(event(reasoning="Hm")) == deltas_of(event(reasoning_content="Hm")) == [Thought("Hm")]
    part = {"index": 1, "id": "a", "function": {"name": "f", "arguments": "{"}}
    assert deltas_of(event(tool_calls=[part])) == [CallPart(1, "a", "f", "{")]
    end = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    assert deltas_of(json.dumps(end)) == [Stopped("stop"), Counted(3, 2)]
    assert deltas_of(event(content=None)) == deltas_of('{"choices": null}') == deltas_of("{}") == []
    assert deltas_of(json.dumps({"choices": [{"index": 1, "delta": {"content": "another choice"}}]})) == []


@pytest.mark.parametrize(
    "data", ["", "{", "[]", '"x"', '{"choices": 3}', '{"choices": [{"delta": {"tool_calls": 1}}]}']
)
def test_what_is_no_event_is_an_error(data: str) -> None:
    with pytest.raises(Unreadable):
        deltas_of(data)


@pytest.mark.parametrize(
    "error", ["out of memory", {"message": "out of memory"}, {"error": {"message": "out of memory"}}]
)
def test_an_error_in_the_middle_is_told(error: object) -> None:
    with pytest.raises(ErrorEvent, match="broke off: out of memory"):
        deltas_of(json.dumps({"error": error}))


ARGUMENTS = '{"station": "Ystad", "after": "10:00"}'


@given(st.lists(st.integers(0, len(ARGUMENTS)), max_size=8).map(sorted), st.booleans())
def test_arguments_are_put_together_however_they_are_cut(cuts: list[int], repeated: bool) -> None:
    """Some servers repeat id and name with every part."""
    edges = [0, *cuts, len(ARGUMENTS)]
    assembly = CallAssembly()
    assembly.add(CallPart(0, "a", "departures", ""))
    for begin, end in itertools.pairwise(edges):
        assembly.add(CallPart(0, "a" if repeated else "", "departures" if repeated else "", ARGUMENTS[begin:end]))
    assert assembly.calls() == [WholeCall("a", "departures", ARGUMENTS)]


def test_calls_without_numbers_are_told_apart_by_their_names() -> None:
    assembly = CallAssembly()
    for name in ("f", "g"):
        assembly.add(CallPart(None, "", name, "{"))
        assembly.add(CallPart(None, "", "", "}"))
    assert [(call.name, call.arguments) for call in assembly.calls()] == [("f", "{}"), ("g", "{}")]


THOUGHT = "\n<think>Which ferry?\nThe one at <ten>.</think>\n\nAt ten. <think>quoted</think>"


@given(st.lists(st.integers(0, len(THOUGHT)), max_size=12).map(sorted))
def test_thoughts_in_the_text_are_taken_out_however_they_are_cut(cuts: list[int]) -> None:
    edges, reader = [0, *cuts, len(THOUGHT)], ThoughtReader()
    deltas = [d for a, b in itertools.pairwise(edges) for d in reader.read(THOUGHT[a:b])] + reader.finish()
    thought = "".join(delta.text for delta in deltas if isinstance(delta, Thought))
    text = "".join(delta.text for delta in deltas if isinstance(delta, Text))
    assert thought == "Which ferry?\nThe one at <ten>."
    assert text.lstrip() == "At ten. <think>quoted</think>"


def test_text_that_only_begins_like_a_thought_is_text() -> None:
    reader = ThoughtReader()
    assert reader.read("<thi") == []
    assert reader.finish() == [Text("<thi")]
    assert [delta for part in ("<", "b>bold") for delta in ThoughtReader().read(part)] == [Text("b>bold")]


# what is sent


def test_a_request_says_what_every_server_understands() -> None:
    tool = ToolSchema("search", "Searches.", {"type": "object", "properties": {}})
    request = Request(
        (Message("system", "S"), Message("user", "U")), 50, tools=(tool,), must_call=True, temperature=0.5
    )
    assert json.loads(body_of(request, "m", Quirks())) == {
        "model": "m",
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}],
        "stream": True,
        "max_tokens": 50,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "search",
                    "description": "Searches.",
                    "parameters": tool.parameters,
                    "strict": True,
                },
            }
        ],
        "tool_choice": "required",
    }


def test_a_reasoning_model_of_openai_gets_its_own_names_and_room_to_think() -> None:
    quirks = known_quirks("api.openai.com", "gpt-5-mini")
    body = json.loads(body_of(Request((Message("system", "S"),), 50, temperature=0.5), "gpt-5-mini", quirks))
    assert body["messages"][0]["role"] == "developer"
    assert body["max_completion_tokens"] > 5_000
    assert "temperature" not in body
    assert "max_tokens" not in body
    assert known_quirks("api.openai.com", "gpt-4o").limit == "max_completion_tokens"
    assert known_quirks("localhost:8000", "gpt-oss-20b") == Quirks()


def test_room_to_think_leaves_room_to_read() -> None:
    quirks = known_quirks("localhost:8000", "deepseek-r1-distill")
    assert quirks.spare > 5_000
    small = replace(quirks, max_length=4_096)
    assert json.loads(body_of(Request((), 1_024), "m", small))["max_tokens"] == 1_024 + 2_048


def test_turns_alternate_where_they_have_to() -> None:
    messages = [
        Message("system", "S"),
        Message("assistant", "Hello."),
        Message("user", "Hi."),
        Message("system", "A remark."),
        Message("user", "And?"),
    ]
    strict = Quirks(late_system=False, alternate=True)
    assert [(each.role, each.text) for each in fitted(messages, strict)] == [
        ("system", "S"),
        ("user", BEGINS),
        ("assistant", "Hello."),
        ("user", "Hi.\n\nA remark.\n\nAnd?"),
    ]
    assert [each.role for each in fitted(messages, Quirks())] == ["system", "assistant", "user", "system", "user"]
    assert fitted(messages, Quirks(system="user"))[0].role == "user"


def test_calls_and_their_results_are_never_merged() -> None:
    call = WholeCall("a", "f", "{}")
    messages = [
        Message("assistant", "", calls=(call,)),
        Message("tool", "1", answers="a"),
        Message("assistant", "", calls=(call,)),
        Message("tool", "2", answers="a"),
        Message("tool", "3", answers="a"),
    ]
    assert fitted(messages, Quirks(alternate=False)) == messages


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
         {"limit": "max_completion_tokens"}),
        ("Unsupported value: 'temperature' does not support 0.2 with this model.", {"temperature": False}),
        ("Unrecognized request argument supplied: stream_options", {"usage": False}),
        ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', {"tools": False}),
        ("registry.ollama.ai/library/gemma:2b does not support tools", {"tools": False}),
        ("tools param requires --jinja flag", {"tools": False}),
        ("Conversation roles must alternate user/assistant/user/...", {"late_system": False, "alternate": True}),
        ("System message must be at the beginning.", {"late_system": False, "alternate": True}),
        ("Unsupported value: 'messages[0].role' does not support 'system' with this model.", {"late_system": False}),
        ("Invalid schema for function 'f': 'required' must include every key", {"strict": False}),
        ("tool_choice: only auto is allowed", {"must_call": False}),
        ("This model's maximum context length is 2048 tokens. However, you requested 9000", {"max_length": 2048}),
        ("the request exceeds the available context size (4096 tokens), try increasing it", {"max_length": 4096}),
    ],
)  # fmt: skip
def test_what_a_server_refuses_is_asked_in_another_way(said: str, changed: dict[str, object]) -> None:
    quirks = adjusted(Quirks(), said)
    assert quirks is not None
    assert {name: getattr(quirks, name) for name in changed} == changed
    assert quirks != Quirks()


def test_a_context_that_is_still_too_small_is_filled_less_and_less_but_not_for_ever() -> None:
    said, tries = "maximum context length is 2048 tokens", 0
    quirks: Quirks | None = Quirks()
    while (quirks := adjusted(quirks, said)) is not None:
        tries, last = tries + 1, quirks
    assert 3 <= tries <= 8
    assert last.fill < 0.2
    assert adjusted(Quirks(), "You are not allowed to do that.") is None


# what goes wrong


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_a_server_says_in_seconds_or_with_a_date_when_to_come_back(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert wait_of(headers, now=1445412450.0) == seconds


def test_pauses_grow_are_scattered_and_end() -> None:
    busy = ServerFault("busy", temporary=True)
    pauses = [pause_before(tries, busy, 0.5) for tries in range(1, TRIES + 1)]
    assert pauses[-1] is None
    assert pauses[:-1] == sorted(pause for pause in pauses if pause is not None)
    assert pause_before(1, busy, 0.0) != pause_before(1, busy, 1.0)
    assert pause_before(1, ServerFault("wrong"), 0.5) is None
    assert 2.0 <= (pause_before(1, ServerFault("busy", temporary=True, after=2.0), 1.0) or 0) < 2.2


def test_an_error_is_told_in_the_servers_words_cut_and_harmless() -> None:
    assert words_of(b'{"error": {"message": "no such model"}}') == "no such model"
    assert words_of(b'{"detail": "Not Found"}') == "Not Found"
    assert words_of(b"<html><head><title>502 Bad\nGateway</title></head></html>") == "a web page, “502 Bad Gateway”"
    assert words_of(b"upstream error\x1b[31m") == "upstream error [31m"
    assert len(words_of(b"x" * 10_000)) == 400
    fault = refused("m at h", 429, {}, b'{"error": {"message": "insufficient_quota"}}', 0.0)
    assert not fault.temporary
    assert str(fault) == "m at h answered 429: insufficient_quota"


def test_models_are_listed_with_what_is_known_of_them() -> None:
    rows = [
        {"id": "a", "max_model_len": 2048},
        {"id": "b", "context_length": 4096},
        {"id": "c", "meta": {"n_ctx_train": 8192}},
        {"id": "d"},
        {"name": "no id"},
        "what",
    ]
    assert cards_of(json.dumps({"data": rows}).encode()) == [
        Card("a", 2048),
        Card("b", 4096),
        Card("c", 8192),
        Card("d"),
    ]
    assert cards_of(b"<html>") is None
    assert cards_of(b'{"models": []}') is None
    assert listed([Card(f"m{n:02}") for n in range(20)]).endswith("m11, and 8 more")
    assert listed([]) == "none"
