"""What arrives of an answer, piece by piece, whatever the server calls it. It knows the wire's JSON and no connection.

Field names differ: thoughts come as `reasoning` (vLLM) or `reasoning_content` (DeepSeek, SGLang, llama.cpp).
"""

from typing import Any, Final

import msgspec

from counterpoint.errors import EngineError

DONE: Final = "[DONE]"


class Text(msgspec.Struct, frozen=True, tag="text"):
    text: str


class Thought(msgspec.Struct, frozen=True, tag="thought"):
    """What the model thinks before it answers; nobody is to hear it."""

    text: str


class CallPart(msgspec.Struct, frozen=True, tag="call_part"):
    """A part of the call at `index`; `id` and `name` stand in its first part as a rule."""

    index: int | None
    id: str
    name: str
    arguments: str


class Counted(msgspec.Struct, frozen=True, tag="counted"):
    """Tokens read and written, as the server counts them."""

    read: int
    written: int


class Stopped(msgspec.Struct, frozen=True, tag="stopped"):
    """The answer is over: "stop", "length", "tool_calls", "content_filter"."""

    reason: str


Delta = Text | Thought | CallPart | Counted | Stopped


class Unreadable(EngineError):
    """An event that is not what such servers send."""


class ErrorEvent(EngineError):
    """The server says in the middle of an answer that it failed."""


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: Any = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: Any = None
    refusal: str | None = None
    reasoning: Any = None
    reasoning_content: Any = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Message | None = None
    message: _Message | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_decoder: Final = msgspec.json.Decoder(_Chunk)


def deltas_of(data: str | bytes) -> list[Delta]:
    """Of one event, or of a whole answer that was not streamed. Raises `Unreadable` and `ErrorEvent`."""
    try:
        chunk = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise Unreadable(f"sent an event that cannot be read ({error})") from error
    if chunk.error:
        raise ErrorEvent(f"broke off: {message_of(chunk.error)}")
    deltas: list[Delta] = []
    for choice in chunk.choices or ():
        if choice.index == 0:
            deltas += _deltas(choice)
    if (usage := chunk.usage) is not None:
        deltas.append(Counted(max(usage.prompt_tokens or 0, 0), max(usage.completion_tokens or 0, 0)))
    return deltas


def message_of(error: Any) -> str:
    """What an `error` says, in whatever shape."""
    while isinstance(error, dict):
        fields: dict[str, Any] = error  # pyright: ignore[reportUnknownVariableType] (JSON: its keys are strings)
        error = fields.get("message") or fields.get("error") or fields.get("detail") or str(fields)
    return str(error)


def _deltas(choice: _Choice) -> list[Delta]:
    message = choice.delta or choice.message or _Message()
    deltas: list[Delta] = []
    thought = _text(message.reasoning) or _text(message.reasoning_content)
    if thought:
        deltas.append(Thought(thought))
    if text := _text(message.content) or message.refusal or "":
        deltas.append(Text(text))
    deltas += [_part(call) for call in message.tool_calls or ()]
    if choice.finish_reason:
        deltas.append(Stopped(choice.finish_reason))
    return deltas


def _text(content: Any) -> str:
    """Text as it is; of a list of parts, those that are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts: list[Any] = content  # pyright: ignore[reportUnknownVariableType] (JSON)
        return "".join(_text(part) for part in parts)
    if isinstance(content, dict):
        fields: dict[str, Any] = content  # pyright: ignore[reportUnknownVariableType] (JSON)
        return _text(fields.get("text"))
    return ""


def _part(call: _Call) -> CallPart:
    function = call.function or _Function()
    given = function.arguments
    arguments = given if isinstance(given, str) else "" if given is None else msgspec.json.encode(given).decode()
    return CallPart(call.index, call.id or "", function.name or "", arguments)
