"""From a function's signature to what a model may pass: one msgspec struct, its JSON schema, and how it reads.

It knows neither tools nor calls. Everything that makes a signature unusable is a `ToolDefinitionError`.
"""

import copy
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

import msgspec

from counterpoint.errors import ToolDefinitionError, ToolError
from counterpoint.tools.context import ToolContext

MAX_ARGUMENTS = 100_000
"""Characters of JSON that one call's arguments may have."""


@dataclass(frozen=True)
class Parameters:
    """`contexts`: names of the parameters that the runtime fills in. `signature`: the rest, as Python writes it."""

    decoder: msgspec.json.Decoder[Any]
    schema: dict[str, Any]
    contexts: tuple[str, ...]
    signature: str

    def read(self, tool: str, arguments: str) -> dict[str, Any]:
        """The keyword arguments of a call. Raises `ToolError` with a sentence that a model can act on."""
        try:
            values = self.decoder.decode(arguments[:MAX_ARGUMENTS].strip() or "{}")
        except msgspec.ValidationError as error:
            problem = _in_our_words(str(error))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            problem = f"they are not JSON that can be read ({error})"
        else:
            return {field: getattr(values, field) for field in values.__struct_fields__}
        if len(arguments) > MAX_ARGUMENTS:
            problem = f"they are {len(arguments)} characters long, and {MAX_ARGUMENTS} can be read"
        raise ToolError(
            f"The arguments do not fit: {problem}. Call {tool}({self.signature}) again with one JSON object that fits."
        )


def read_parameters(function: Callable[..., Any], name: str, described: Mapping[str, str]) -> Parameters:
    """`described`: texts for the schema where the annotation has none of its own."""
    parameters = inspect.signature(function).parameters.values()
    for parameter in parameters:
        _check_kind(name, parameter)
    hints = _hints(function, name)
    contexts = tuple(key for key, hint in hints.items() if _is_context(hint))
    shown = [parameter for parameter in parameters if parameter.name not in contexts]
    fields = [_field(name, parameter, hints[parameter.name]) for parameter in shown]
    try:
        arguments = msgspec.defstruct(name.replace("-", "_"), fields, kw_only=True, forbid_unknown_fields=True)
        schema = _schema(arguments, described)
        decoder = msgspec.json.Decoder(arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ToolDefinitionError(f"Tool {name!r}: its arguments cannot be written in JSON: {_brief(error)}") from error
    for parameter in shown:
        if parameter.default is not parameter.empty and "default" not in schema["properties"][parameter.name]:
            schema["properties"][parameter.name]["default"] = msgspec.to_builtins(parameter.default)
    signature = ", ".join(_as_written(parameter, hints[parameter.name]) for parameter in shown)
    return Parameters(decoder, schema, contexts, signature)


def _check_kind(name: str, parameter: inspect.Parameter) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise ToolDefinitionError(
            f"Tool {name!r}: {parameter} takes any arguments, and a model needs to know which: name each of them"
        )
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise ToolDefinitionError(
            f"Tool {name!r}: a model passes arguments by name, so {parameter.name!r} cannot be positional-only"
        )
    if parameter.annotation is parameter.empty:
        raise ToolDefinitionError(
            f"Tool {name!r}: parameter {parameter.name!r} has no type annotation; say what may be passed, such as str"
        )


def _hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    """Annotations of the parameters, resolved; what the function returns does not matter."""
    target = inspect.unwrap(getattr(function, "__func__", function))
    written = {key: hint for key, hint in target.__annotations__.items() if key != "return"}
    bearer = types.SimpleNamespace(__annotations__=written)
    try:
        return typing.get_type_hints(bearer, globalns=target.__globals__, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise ToolDefinitionError(
            f"Tool {name!r}: an annotation cannot be resolved ({error}); import the type at module level"
        ) from error


def _is_context(hint: Any) -> bool:
    origin = get_origin(hint)
    if origin is Annotated or origin in (typing.Union, types.UnionType):
        return any(_is_context(part) for part in get_args(hint))
    return hint is ToolContext or origin is ToolContext


def _field(name: str, parameter: inspect.Parameter, hint: Any) -> tuple[str, Any] | tuple[str, Any, Any]:
    if parameter.default is parameter.empty:
        return (parameter.name, hint)
    try:
        msgspec.json.decode(msgspec.json.encode(parameter.default), type=hint)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolDefinitionError(
            f"Tool {name!r}: the default of {parameter.name!r} is not one that a model could pass: {_brief(error)}"
        ) from error
    factory = msgspec.field(default_factory=lambda: copy.deepcopy(parameter.default))
    return (parameter.name, hint, parameter.default if _immutable(parameter.default) else factory)


def _immutable(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _schema(arguments: type[msgspec.Struct], described: Mapping[str, str]) -> dict[str, Any]:
    """In the order of the signature, so that the same function always gives the same text."""
    (reference,), components = msgspec.json.schema_components([arguments], ref_template="#/$defs/{name}")
    own = components.pop(reference["$ref"].removeprefix("#/$defs/"))
    schema = {key: own[key] for key in ("type", "properties", "required", "additionalProperties") if key in own}
    for name, text in described.items():
        if name in schema["properties"]:
            schema["properties"][name] = {"description": text} | schema["properties"][name]
    return schema | ({"$defs": components} if components else {})


def _as_written(parameter: inspect.Parameter, hint: Any) -> str:
    default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
    return f"{parameter.name}: {_type_text(hint)}{default}"


def _type_text(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        return _type_text(get_args(hint)[0])
    return inspect.formatannotation(hint).replace("typing.", "")


def _in_our_words(problem: str) -> str:
    """The decoder says where by a path from `$`; a model knows arguments by name."""
    problem = problem.replace("Object missing required field", "missing argument")
    problem = problem.replace("Object contains unknown field", "there is no argument")
    return re.sub(r" - at `\$\.?(.+?)`$", r", in argument `\1`", problem)


def _brief(error: Exception) -> str:
    """What was wrong; advice on the decoder's own settings, which come before it, is of no use here."""
    return " ".join(str(error).split("\n\n")[-1].split()) or type(error).__name__
