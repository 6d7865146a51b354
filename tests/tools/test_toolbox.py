"""Tools together: found by name, and loaded from where a team keeps them."""

import sys
from pathlib import Path
from typing import Any

import pytest

from counterpoint.errors import ConfigurationError, ToolDefinitionError
from counterpoint.tools import FailedCall, Toolbox, load_tools, tool


@tool
async def ferries(harbour: str) -> str:
    """Ferries that leave a harbour. Today's only."""
    return harbour


@tool
async def fares() -> str:
    """What a crossing costs."""
    return "20"


def test_a_toolbox_finds_and_describes_its_tools() -> None:
    box = Toolbox([ferries, fares])
    assert box.find("fares") is fares
    assert box.find("weather") is None
    assert [schema.name for schema in box.schemas()] == ["ferries", "fares"]
    assert box.summaries() == ("ferries: Ferries that leave a harbour.", "fares: What a crossing costs.")
    assert (len(box), "fares" in box, list(box), repr(box)) == (2, True, [ferries, fares], "Toolbox(ferries, fares)")


def test_toolboxes_are_put_together_without_changing() -> None:
    one, other = Toolbox([ferries]), Toolbox([fares])
    assert list(one + other) == [ferries, fares]
    assert list(one) == [ferries]


def test_a_tool_registered_twice_is_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="'fares' is registered twice"):
        Toolbox([fares, ferries, fares])


def test_two_tools_of_one_name_are_refused() -> None:
    namesake = tool(name="fares")(ferries.function)
    with pytest.raises(ToolDefinitionError, match="Two tools are called 'fares'"):
        Toolbox([fares]) + Toolbox([namesake])


def test_a_function_without_the_decorator_is_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="'ferries' is not a tool: put @tool above"):
        Toolbox([ferries.function])  # type: ignore[list-item]


def test_a_model_that_calls_an_unknown_tool_is_told_which_there_are() -> None:
    assert Toolbox([ferries, fares]).unknown("fare") == FailedCall(
        "There is no tool 'fare'. There are: ferries, fares. Did you mean fares?"
    )
    assert Toolbox().unknown("fare").reason.startswith("There is no tool 'fare'; there are no tools at all.")


MODULE = '''
from counterpoint.tools import Toolbox, tool

@tool
async def ferries() -> str:
    """Ferries."""

@tool
async def fares() -> str:
    """Fares."""

async def plain() -> str:
    """Not a tool."""

number = 5
nothing = None
tools = [ferries, fares]
box = Toolbox(tools)
mixed = (ferries, plain)

class Company:
    tools = [fares]

def made():
    return tools

def broken():
    raise RuntimeError("no database")

def endless():
    return endless
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "harbour_tools.py").write_text(MODULE)
    (tmp_path / "harbour_broken.py").write_text("1 / 0")
    (tmp_path / "harbour_lacking.py").write_text("import no_such_dependency")
    (tmp_path / "harbour_empty.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("tools", "broken", "lacking", "empty"):
        monkeypatch.delitem(sys.modules, f"harbour_{name}", raising=False)
    return "harbour_tools"


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("ferries", ["ferries"]),
        ("tools", ["ferries", "fares"]),
        ("box", ["ferries", "fares"]),
        ("made", ["ferries", "fares"]),
        ("Company.tools", ["fares"]),
    ],
)
def test_tools_are_loaded_from_wherever_a_team_keeps_them(module: str, name: str, names: list[str]) -> None:
    assert [each.name for each in load_tools(f"{module}:{name}")] == names


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("harbour_tools", "write it as package.module:name"),
        ("harbour_tools:", "write it as package.module:name"),
        (":tools", "write it as package.module:name"),
        ("harbour_tools:ferry", "has no 'ferry'; it has box, fares, ferries, tools"),
        ("harbour_tools:nothing", "has no 'nothing'"),
        ("harbour_tools:Company.tool", "has no 'Company.tool'"),
        ("harbour_tools:plain", "is a function, not a tool: put @tool above"),
        ("harbour_tools:number", "is 'int', not a tool"),
        ("harbour_tools:mixed", "'plain' is not a tool"),
        ("harbour_tools:broken", "failed: RuntimeError: no database"),
        ("harbour_tools:endless", "returned 'endless', not a tool"),
        ("harbour_tools:Company", "returned 'Company', not a tool|is 'Company'"),
        ("harbour_empty:tools", "has no 'tools'; it has nothing"),
        ("no_such_module:tools", "there is no module 'no_such_module'"),
        ("no_such_package.module:tools", "there is no module 'no_such_package'"),
        ("harbour_broken:tools", "importing harbour_broken failed: ZeroDivisionError"),
        ("harbour_lacking:tools", "harbour_lacking needs 'no_such_dependency', which is not installed"),
        ("harbour tools:tools", "there is no module 'harbour tools'"),
        ("..:tools", "importing .. failed"),
    ],
)
@pytest.mark.usefixtures("module")
def test_a_wrong_path_is_answered_with_what_there_is(path: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_tools(path)


def test_the_names_at_the_door_are_those_that_are_promised() -> None:
    import counterpoint.tools as room

    exported: dict[str, Any] = {name: getattr(room, name) for name in room.__all__}
    assert exported["tool"] is tool
    assert sorted(exported) == sorted(room.__all__)
