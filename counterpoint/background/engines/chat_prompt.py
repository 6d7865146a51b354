"""What a chat model behind a server is shown: the context package, the request, its own calls and what came of them.

Pure. Tokens are estimated: nobody here has the server's tokenizer.
"""

import enum
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from counterpoint.background.engines import prompting
from counterpoint.background.engines.looking_up import SHORT_TOKENS, Found
from counterpoint.background.engines.searching import wanted_of
from counterpoint.background.model import Observation
from counterpoint.engines.http.calls import WholeCall
from counterpoint.engines.http.quirks import Quirks
from counterpoint.engines.http.request import Message, Request
from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.escaping import cut, escape_control
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.packing import estimate
from counterpoint.shared_context.render import WARNING, untrusted
from counterpoint.shared_context.scales import BYTES_PER_TOKEN
from counterpoint.tools.schema import ToolSchema

WITH_TOOLS: Final = f"{prompting.ROLE} Call tools to find out what you do not know for certain. {WARNING}"

LEAST_RESULT: Final = 200
"""Characters that are shown of a tool's result, however little room there is."""


class Calling(enum.Enum):
    """`AUTO`: the model may call tools. `REQUIRED`: it calls one first, and then answers; servers that guide decoding
    make the calls of the smallest models valid. `TEXT`: it writes calls into its text, for servers that know of none.
    `SEARCH`: where there are search tools, they are asked with the request as it is, and the model answers from what
    was found; for models too small to know what to look for.
    """

    AUTO = "auto"
    REQUIRED = "required"
    TEXT = "text"
    SEARCH = "search"


class ChatSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`answer_tokens`, `prompt_tokens`: written and read in one round, at most; less where the context is smaller.

    `temperature`: None leaves it to the server.
    """

    tools: Calling = Calling.AUTO
    answer_tokens: int = 2_048
    prompt_tokens: int = 16_000
    temperature: float | None = None

    def __post_init__(self) -> None:
        if min(self.answer_tokens, self.prompt_tokens) < 1:
            raise ConfigurationError("answer_tokens and prompt_tokens are numbers of tokens, at least 1")
        if self.temperature is not None and not 0 <= self.temperature <= 2:
            raise ConfigurationError(f"temperature is {self.temperature}; it goes from 0 to 2")


def request_of(
    package: ContextPackage,
    tools: Sequence[ToolSchema],
    observations: Sequence[Observation],
    settings: ChatSettings,
    quirks: Quirks,
) -> Request:
    """One round, made to fit the context."""
    answer, prompt = _shares(settings, quirks)
    wanted = wanted_of(package, observations).text
    called = any(observation.call is not None for observation in observations)
    guided = settings.tools is Calling.REQUIRED and quirks.guides and bool(tools) and not called
    if settings.tools is Calling.TEXT or not quirks.tools or not tools or guided:
        system = prompting.system_prompt(tools)
        user = prompting.user_prompt(package, wanted, observations, estimate, prompt - estimate(system))
        written = (Message("system", system), Message("user", user))
        shape = call_shape(tools) if guided else None
        return Request(written, answer, shape=shape, temperature=settings.temperature)
    room = prompt - estimate(WITH_TOOLS) - estimate(msgspec.json.encode([tool.parameters for tool in tools]).decode())
    results = list(_came_of(observations, room // 2))
    room -= sum(estimate(message.text) for message in results)
    user = prompting.user_prompt(package, wanted, (), estimate, room)
    over = settings.tools is Calling.REQUIRED and called
    return Request(
        (Message("system", WITH_TOOLS), Message("user", user), *results),
        answer,
        tools=() if over else tuple(tools),
        must_call=settings.tools is Calling.REQUIRED,
        temperature=settings.temperature,
    )


def call_shape(tools: Sequence[ToolSchema]) -> dict[str, Any]:
    """The JSON schema of a call of any of them, as it is written into text. What their types refer to stands at its
    root.
    """
    definitions: dict[str, Any] = {}
    calls: list[dict[str, Any]] = []
    for tool in tools:
        arguments = {name: value for name, value in tool.parameters.items() if name != "$defs"}
        definitions |= tool.parameters.get("$defs", {})
        fields = {"name": {"const": tool.name}, "arguments": arguments}
        calls.append({"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False})
    shape = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {**shape, "$defs": definitions} if definitions else shape


def request_about(found: Found, settings: ChatSettings, quirks: Quirks) -> Request:
    """To be answered from what was found."""
    answer, _ = _shares(settings, quirks)
    return Request((Message("user", found.prompt),), min(answer, SHORT_TOKENS), temperature=settings.temperature)


def _shares(settings: ChatSettings, quirks: Quirks) -> tuple[int, int]:
    """Tokens of the answer, and of what is shown."""
    if quirks.max_length is None:
        return settings.answer_tokens, settings.prompt_tokens
    answer = max(1, min(settings.answer_tokens, quirks.max_length // 4))
    shown = int((quirks.max_length - answer - quirks.spare) * quirks.fill)
    return answer, max(1, min(settings.prompt_tokens, shown))


def _came_of(observations: Sequence[Observation], room: int) -> Iterator[Message]:
    """Each call and its result, and where in between the person corrected the request."""
    made = sum(observation.call is not None for observation in observations)
    share = max(LEAST_RESULT, room * BYTES_PER_TOKEN // max(made, 1))
    for number, observation in enumerate(observations):
        call = observation.call
        if call is None:
            yield Message("user", f"The person corrected the request: {escape_control(observation.text)}")
            continue
        id = f"{call.id}" or f"call_{number}"
        arguments = call.arguments if _is_object(call.arguments) else "{}"
        yield Message("assistant", "", calls=(WholeCall(id, call.tool or "unknown", arguments),))
        told = f"The call failed: {observation.text}" if observation.failed else observation.text
        yield Message("tool", "\n".join(untrusted(cut(told, share))), answers=id)


def _is_object(arguments: str) -> bool:
    """Servers put arguments into a template as JSON: what the model wrote wrongly would be refused."""
    try:
        return isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
