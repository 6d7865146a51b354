"""Several tools together: found by name, described to models, loaded from `module:name`."""

import difflib
import importlib
import inspect
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any, cast

from counterpoint.errors import ConfigurationError, ToolDefinitionError
from counterpoint.tools.definition import Tool
from counterpoint.tools.events import FailedCall
from counterpoint.tools.schema import ToolSchema


class Toolbox:
    """Immutable. Raises `ToolDefinitionError` for what is no tool, and for two tools of one name."""

    def __init__(self, tools: Iterable[Tool[..., Any]] = ()) -> None:
        self._tools: dict[str, Tool[..., Any]] = {}
        for each in tools:
            self._tools[_new_name(each, self._tools)] = each

    def __iter__(self) -> Iterator[Tool[..., Any]]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __add__(self, other: "Toolbox") -> "Toolbox":
        return Toolbox((*self, *other))

    def __repr__(self) -> str:
        return f"Toolbox({', '.join(self._tools)})"

    def find(self, name: str) -> Tool[..., Any] | None:
        return self._tools.get(name)

    def schemas(self) -> tuple[ToolSchema, ...]:
        return tuple(each.schema for each in self)

    def summaries(self) -> tuple[str, ...]:
        """One line per tool, for an interaction model."""
        return tuple(each.summary for each in self)

    def unknown(self, name: str) -> FailedCall:
        """What a model is told that calls a tool which is not here."""
        if not self._tools:
            return FailedCall(f"There is no tool {name!r}; there are no tools at all. Answer without.")
        near = difflib.get_close_matches(name, self._tools, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return FailedCall(f"There is no tool {name!r}. There are: {', '.join(self._tools)}.{hint}")


def _new_name(each: object, known: dict[str, Tool[..., Any]]) -> str:
    if not isinstance(each, Tool):
        raise ToolDefinitionError(f"{_called(each)} is not a tool: put @tool above an `async def`")
    if each.name not in known:
        return each.name
    if known[each.name] is each:
        raise ToolDefinitionError(f"Tool {each.name!r} is registered twice: leave one out")
    raise ToolDefinitionError(f"Two tools are called {each.name!r}: give one of them another name, @tool(name=...)")


def load_tools(path: str) -> Toolbox:
    """`package.module:name`, where the name stands for a tool, a list of tools, a `Toolbox`, or what returns one.

    Raises `ConfigurationError` that says what the module does have.
    """
    module_name, colon, name = path.partition(":")
    if not (module_name and colon and name):
        raise ConfigurationError(f"{path!r} does not say where the tools are: write it as package.module:name")
    module = _imported(module_name, path)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise ConfigurationError(f"{path!r}: module {module_name} has no {name!r}; it has {_offers(module)}")
    return _toolbox(found, path)


def _imported(module_name: str, path: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(f"{missing}."):
            raise ConfigurationError(
                f"{path!r}: there is no module {missing!r}; is it installed, or in the folder that you are in?"
            ) from error
        raise ConfigurationError(f"{path!r}: module {module_name} needs {missing!r}, which is not installed") from error
    except Exception as error:
        raise ConfigurationError(
            f"{path!r}: importing {module_name} failed: {type(error).__name__}: {error}"
        ) from error


def _toolbox(found: Any, path: str) -> Toolbox:
    if isinstance(found, Tool):
        return Toolbox((cast("Tool[..., Any]", found),))
    if isinstance(found, Toolbox):
        return found
    if isinstance(found, list | tuple):
        return Toolbox(cast("Iterable[Tool[..., Any]]", found))
    if inspect.iscoroutinefunction(found) or inspect.isasyncgenfunction(found):
        raise ConfigurationError(f"{path!r} is a function, not a tool: put @tool above its `async def`")
    if not callable(found):
        raise ConfigurationError(f"{path!r} is {_called(found)}, not a tool, a list of tools, or what returns one")
    return _toolbox_made_by(found, path)


def _toolbox_made_by(maker: Any, path: str) -> Toolbox:
    try:
        made: object = maker()
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{path!r} was called for its tools and failed: {type(error).__name__}: {error}"
        ) from error
    if callable(made) and not isinstance(made, Tool):
        raise ConfigurationError(f"{path!r} returned {_called(made)}, not a tool")
    return _toolbox(made, path)


def _offers(module: ModuleType) -> str:
    """The tools in a module if there are any, or else whatever else it has."""
    names = [name for name in dir(module) if not name.startswith("_")]
    tools = [name for name in names if _holds_tools(getattr(module, name))]
    return ", ".join(tools or names) or "nothing"


def _holds_tools(value: object) -> bool:
    if isinstance(value, list | tuple):
        members = cast("list[object]", value)
        return bool(members) and all(isinstance(member, Tool) for member in members)
    return isinstance(value, Tool | Toolbox)


def _called(value: object) -> str:
    return repr(getattr(value, "__name__", None) or type(value).__name__)
