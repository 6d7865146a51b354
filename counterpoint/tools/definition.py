"""A tool: an async function that a background model may call, and how the runtime is to handle its calls.

It describes and checks; `call.py` runs.
"""

import functools
import inspect
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, ParamSpec, TypeVar, cast, overload

from counterpoint.config import NOTE_TTL_SECONDS
from counterpoint.errors import ToolDefinitionError, ToolError
from counterpoint.shared_context.notes import Delivery
from counterpoint.tools.context import ToolContext
from counterpoint.tools.docstring import first_sentence, read_docstring
from counterpoint.tools.options import MAX_RESULT, TIMEOUT_SECONDS, Approval, Duplicates, Effects, Options, checked
from counterpoint.tools.parameters import Parameters, read_parameters
from counterpoint.tools.schema import ToolSchema

P = ParamSpec("P")
R = TypeVar("R", bound=Coroutine[Any, Any, Any] | AsyncIterator[Any])

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, eq=False)
class Tool(Generic[P, R]):
    """Call it and it is the function that it was made from."""

    function: Callable[P, R]
    name: str
    description: str
    parameters: Parameters
    options: Options

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<tool {self.name}({self.parameters.signature})>"

    @property
    def streams(self) -> bool:
        """An async generator: each yield is passed on at once, and all of them together are the result."""
        return inspect.isasyncgenfunction(self.function)

    @property
    def effects(self) -> Effects:
        return self.options.effects

    @property
    def idempotent(self) -> bool:
        """May be called again after a crash without acting twice."""
        return self.options.repeatable

    @property
    def schema(self) -> ToolSchema:
        return ToolSchema(self.name, self.description, self.parameters.schema)

    @property
    def summary(self) -> str:
        """One line for an interaction model, which only has to know what it may delegate."""
        return f"{self.name}: {first_sentence(self.description)}"

    def read(self, arguments: str) -> dict[str, Any]:
        """The arguments of a call. Raises `ToolError`, in a sentence for the model, if they do not fit."""
        return self.parameters.read(self.name, arguments)

    def start(self, arguments: Mapping[str, Any], context: ToolContext[Any]) -> R:
        """Call the function with what `read` gave, and with the context where it asks for one."""
        function = cast("Callable[..., R]", self.function)
        return function(**arguments, **dict.fromkeys(self.parameters.contexts, context))

    def approval_question(self, arguments: str) -> str | None:
        """What to ask the person before the call, or None if nothing need be asked.

        Arguments that do not fit need no approval: the call fails before anything is done. A deciding function that
        raises counts as a yes, because the safe side is to ask.
        """
        try:
            values = self.read(arguments)
        except ToolError:
            return None
        if not self._needs_approval(values):
            return None
        given = ", ".join(f"{key}={value!r}" for key, value in values.items())
        return f"May I call {self.name}({given})?"

    def _needs_approval(self, arguments: Mapping[str, Any]) -> bool:
        approval = self.options.approval
        if not callable(approval):
            return approval == "always"
        try:
            return bool(approval(arguments))
        except Exception:  # noqa: BLE001 (the application's own function: whatever it raises, asking is safe)
            return True


@overload
def tool(function: Callable[P, R], /) -> Tool[P, R]: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float = TIMEOUT_SECONDS,
    effects: Effects = "read",
    idempotent: bool | None = None,
    approval: Approval = "never",
    delivery: Delivery | Literal["interrupt", "when_idle", "silent"] = Delivery.WHEN_IDLE,
    duplicates: Duplicates = "allow",
    max_result: int = MAX_RESULT,
    ttl: float = NOTE_TTL_SECONDS,
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...


def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a tool of a coroutine function or an async generator function: `@tool`, or `@tool(timeout=5)`.

    Its name is the function's and its description the docstring, unless `name` or `description` say otherwise; each
    argument's text comes from the docstring too (Google style), types from the annotations. A parameter annotated
    `ToolContext` is filled in by the runtime. The other options are those of `Options`.

    A coroutine returns the result. An async generator's yields are partial results that are passed on at once, and all
    of them together are the result that the model sees. Text is passed on as it is, a struct or dataclass with a
    `__str__` of its own as that says, everything else as JSON, one line per yield.

    Raises `ToolDefinitionError` for a function or an option that cannot work.
    """
    if function is not None:
        return _define(function)
    return functools.partial(_define, **options)


def _define(
    function: Callable[P, R], *, name: str | None = None, description: str | None = None, **options: Any
) -> Tool[P, R]:
    _check_function(function)
    docs = read_docstring(function.__doc__)
    name = function.__name__ if name is None else name
    if not _NAME.fullmatch(name):
        raise ToolDefinitionError(f"{name!r} cannot be a tool's name: use up to 64 letters, digits, '_' or '-'")
    description = (description or docs.description).strip() or name.replace("_", " ")
    parameters = read_parameters(function, name, docs.arguments)
    made = Tool(function, name, description, parameters, checked(name, options))
    known = (attribute for attribute in functools.WRAPPER_ASSIGNMENTS if hasattr(function, attribute))
    vars(made).update({attribute: getattr(function, attribute) for attribute in known} | {"__wrapped__": function})
    return made


def _check_function(function: Any) -> None:
    called = getattr(function, "__name__", type(function).__name__)
    if isinstance(function, Tool):
        raise ToolDefinitionError(f"{function.name!r} is a tool already: apply @tool once")
    if inspect.isclass(function) or not callable(function) or not hasattr(function, "__name__"):
        raise ToolDefinitionError(f"{called!r} is not a function: put @tool above an `async def`")
    if not inspect.iscoroutinefunction(function) and not inspect.isasyncgenfunction(function):
        raise ToolDefinitionError(
            f"{called!r} would stop the conversation while it runs: write `async def {called}`, "
            "with `await anyio.to_thread.run_sync(...)` around whatever blocks"
        )
