"""What is asked of a chat model, and how that is written on the wire, quirks considered. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec.structs import replace

from counterpoint.engines.http.calls import WholeCall
from counterpoint.engines.http.quirks import Quirks
from counterpoint.tools.schema import ToolSchema

Role = Literal["system", "user", "assistant", "tool"]

BEGINS: Final = "(The conversation begins.)"
"""Said by the user for models that cannot begin with the assistant."""

CHARACTERS_PER_TOKEN: Final = 12
"""More than tokens have on average in any text: an answer that is longer was bounded by nobody."""


class Message(msgspec.Struct, frozen=True):
    """`calls`: made by the assistant. `answers`: the id of the call whose result this is (role "tool")."""

    role: Role
    text: str
    calls: tuple[WholeCall, ...] = ()
    answers: str = ""


class Request(msgspec.Struct, frozen=True):
    """`max_tokens`: of the answer. `must_call`: it has to be a tool call. `shape`: a JSON schema that all of it has to
    fit, where the server guides decoding. `temperature`: None is the server's own.
    """

    messages: tuple[Message, ...]
    max_tokens: int
    tools: tuple[ToolSchema, ...] = ()
    must_call: bool = False
    shape: dict[str, Any] | None = None
    temperature: float | None = None


def body_of(request: Request, model: str, quirks: Quirks) -> bytes:
    body: dict[str, Any] = {
        "model": model,
        "messages": [_written(message, quirks) for message in fitted(request.messages, quirks)],
        "stream": True,
        quirks.limit: request.max_tokens + quirks.spare,
    }
    if quirks.usage:
        body["stream_options"] = {"include_usage": True}
    if quirks.temperature and request.temperature is not None:
        body["temperature"] = request.temperature
    if request.tools and quirks.tools:
        body["tools"] = [_tool(tool, strict=request.must_call and quirks.strict) for tool in request.tools]
        body["tool_choice"] = "required" if request.must_call and quirks.must_call else "auto"
    if request.shape is not None:
        shape = {"name": "answer", "strict": True, "schema": request.shape}
        body["response_format"] = {"type": "json_schema", "json_schema": shape}
    return msgspec.json.encode(body)


def longest_answer(request: Request, quirks: Quirks) -> int:
    """Characters, thoughts and arguments included; a server that sends more ignores the limit it was given."""
    return (request.max_tokens + quirks.spare) * CHARACTERS_PER_TOKEN


def fitted(messages: Sequence[Message], quirks: Quirks) -> list[Message]:
    """In roles and an order that the model takes; neighbours of one role become one message."""
    placed = list(_placed(messages, quirks))
    first = next((at for at, each in enumerate(placed) if each.role != "system"), None)
    if quirks.alternate and first is not None and placed[first].role != "user":
        placed.insert(first, Message("user", BEGINS))
    merged: list[Message] = []
    for message in placed:
        last = merged[-1] if merged else None
        if last is not None and last.role == message.role != "tool" and not last.calls:
            merged[-1] = replace(last, text=f"{last.text}\n\n{message.text}".strip(), calls=message.calls)
        else:
            merged.append(message)
    return merged


def _placed(messages: Sequence[Message], quirks: Quirks) -> Iterator[Message]:
    head = True
    for message in messages:
        head = head and message.role == "system"
        may_stay = quirks.system != "user" and (head or quirks.late_system)
        yield message if message.role != "system" or may_stay else replace(message, role="user")


def _written(message: Message, quirks: Quirks) -> dict[str, Any]:
    role = quirks.system if message.role == "system" else message.role
    written: dict[str, Any] = {"role": role, "content": message.text}
    if message.calls:
        written["tool_calls"] = [_call(call) for call in message.calls]
        written["content"] = message.text or None
    if message.answers:
        written["tool_call_id"] = message.answers
    return written


def _call(call: WholeCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _tool(tool: ToolSchema, *, strict: bool) -> dict[str, Any]:
    """`strict`: the server holds the model to the schema. vLLM then guides its decoding, and without it may not."""
    function: dict[str, Any] = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": {**function, "strict": True} if strict else function}
