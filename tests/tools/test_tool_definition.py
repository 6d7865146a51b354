"""What a team gets when it puts @tool above a function."""

import dataclasses
import enum
import inspect
from collections.abc import AsyncGenerator, Callable
from typing import Annotated, Any, Literal

import msgspec
import pytest

from counterpoint.errors import ToolDefinitionError, ToolError
from counterpoint.shared_context.notes import Delivery
from counterpoint.tools import ToolContext, tool


class Deck(enum.Enum):
    UPPER = "upper"
    LOWER = "lower"


class Seat(msgspec.Struct):
    row: int
    letter: str = "A"


@tool
async def ferries(harbour: str, after: str = "00:00") -> str:
    """Ferries that leave a harbour. They run in winter too.

    Times are local,
    always.

    Args:
        harbour: The harbour's name,
            as on the map.
        after (str): Earliest departure.

    Returns:
        One line per ferry.
    """
    return f"{harbour} {after}"


async def test_the_decorated_function_is_still_the_function() -> None:
    assert await ferries("Ystad", after="10:00") == "Ystad 10:00"
    assert ferries.__name__ == "ferries"
    assert inspect.getdoc(ferries).startswith("Ferries that leave")
    assert repr(ferries) == "<tool ferries(harbour: str, after: str = '00:00')>"


def test_the_schema_is_made_of_annotations_and_docstring() -> None:
    assert ferries.schema.name == "ferries"
    assert (
        ferries.schema.description
        == "Ferries that leave a harbour. They run in winter too.\n\nTimes are local,\nalways."
    )
    assert ferries.schema.parameters == {
        "type": "object",
        "properties": {
            "harbour": {"description": "The harbour's name, as on the map.", "type": "string"},
            "after": {"description": "Earliest departure.", "type": "string", "default": "00:00"},
        },
        "required": ["harbour"],
        "additionalProperties": False,
    }
    assert ferries.summary == "ferries: Ferries that leave a harbour."


def test_rich_types_and_their_limits_reach_the_schema() -> None:
    @tool
    async def book(
        seats: list[Seat],
        deck: Deck,
        count: Annotated[int, msgspec.Meta(ge=1, le=9, description="How many.")] = 1,
        fare: Literal["full", "child"] = "full",
        remarks: list[str] = ["none"],  # noqa: B006 (a team may well write it)
        note: str | None = None,
    ) -> None:
        """Book."""

    parameters = book.schema.parameters
    properties = parameters["properties"]
    assert list(properties) == ["seats", "deck", "count", "fare", "remarks", "note"]
    assert parameters["required"] == ["seats", "deck"]
    assert properties["count"] == {
        "description": "How many.",
        "type": "integer",
        "minimum": 1,
        "maximum": 9,
        "default": 1,
    }
    assert properties["fare"]["enum"] == ["child", "full"]
    assert properties["remarks"]["default"] == ["none"]
    assert properties["note"]["default"] is None
    assert parameters["$defs"]["Seat"]["properties"]["row"] == {"type": "integer"}
    assert parameters["$defs"]["Deck"]["enum"] == ["lower", "upper"]
    assert msgspec.json.encode(parameters) == msgspec.json.encode(tool(book.function).schema.parameters)


def test_a_mutable_default_is_fresh_for_each_call() -> None:
    @tool
    async def tidy(names: list[str] = ["a"]) -> None:  # noqa: B006 (a team may well write it)
        """Tidy."""

    tidy.read("{}")["names"].append("b")
    assert tidy.read("{}") == {"names": ["a"]}


@pytest.mark.parametrize("hint", [ToolContext, ToolContext[dict[str, int]], ToolContext[Any] | None])
def test_the_context_is_hidden_from_the_model_wherever_it_stands(hint: Any) -> None:
    async def look(before: str, context: Any, after: str = "x") -> None:
        """Look."""

    look.__annotations__["context"] = hint
    made = tool(look)
    assert list(made.schema.parameters["properties"]) == ["before", "after"]
    assert made.parameters.contexts == ("context",)


def test_options_say_how_calls_are_handled() -> None:
    @tool(
        name="pay-now", description="Pays.", timeout=5, effects="write", delivery="interrupt", duplicates="join", ttl=9
    )
    async def pay() -> None: ...

    assert (pay.name, pay.description, pay.effects, pay.idempotent) == ("pay-now", "Pays.", "write", False)
    assert pay.options.delivery is Delivery.INTERRUPT
    assert (pay.options.timeout, pay.options.duplicates, pay.options.ttl) == (5, "join", 9)
    assert ferries.idempotent
    assert not ferries.streams


def test_a_tool_without_a_docstring_is_described_by_its_name() -> None:
    @tool
    async def next_ferry() -> None: ...

    assert next_ferry.summary == "next_ferry: next ferry"


def test_a_method_of_an_object_can_be_a_tool() -> None:
    class Kiosk:
        async def opens(self, day: str) -> str:
            """When it opens."""
            return day

    assert list(tool(Kiosk().opens).schema.parameters["properties"]) == ["day"]


def test_an_async_generator_streams() -> None:
    @tool
    async def each() -> AsyncGenerator[int, None]:
        """Each."""
        yield 1

    assert each.streams


def _sync(x: str) -> str:
    return x


async def _varargs(*names: str) -> None: ...


async def _keywords(**names: str) -> None: ...


async def _unannotated(name) -> None: ...


async def _positional(name: str, /) -> None: ...


async def _unknown_type(name: "NoSuchType") -> None: ...  # noqa: F821 (that is the point)


async def _no_json(name: complex) -> None: ...


async def _bad_default(name: str = object()) -> None: ...


async def _wrong_default(name: int = None) -> None: ...  # noqa: RUF013 (that is the point)


@dataclasses.dataclass
class _Callable:
    async def __call__(self, name: str) -> None: ...


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (_sync, "write `async def _sync`"),
        (_varargs, r"\*names: str takes any arguments"),
        (_keywords, r"\*\*names: str takes any arguments"),
        (_unannotated, "'name' has no type annotation"),
        (_positional, "'name' cannot be positional-only"),
        (_unknown_type, "'NoSuchType' is not defined"),
        (_no_json, "cannot be written in JSON.*complex"),
        (_bad_default, "the default of 'name' is not one that a model could pass"),
        (_wrong_default, "the default of 'name' .* Expected `int`, got `null`"),
        (_Callable(), "'_Callable' is not a function"),
        (_Callable, "'_Callable' is not a function"),
        ("ferries", "'str' is not a function"),
        (ferries, "'ferries' is a tool already"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused_with_what_to_do(function: Any, says: str) -> None:
    with pytest.raises(ToolDefinitionError, match=says):
        tool(function)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"timeout": 0}, "timeout is a number above zero, not 0"),
        ({"timeout": float("nan")}, "timeout is a number above zero"),
        ({"timeout": "5"}, "timeout is a number above zero, not '5'"),
        ({"max_result": -1}, "max_result is a number above zero"),
        ({"ttl": True}, "ttl is a number above zero, not True"),
        ({"effects": "none"}, "effects is one of 'read', 'write', not 'none'"),
        ({"duplicates": "merge"}, "duplicates is one of 'allow', 'reject', 'replace', 'join', not 'merge'"),
        ({"delivery": "soon"}, "delivery is one of 'interrupt', 'when_idle', 'silent', not 'soon'"),
        ({"approval": "sometimes"}, "approval is one of 'never', 'always', not 'sometimes'"),
        ({"idempotent": "yes"}, "idempotent is one of"),
        ({"retries": 3}, "there is no option 'retries'"),
        ({"name": "pay now"}, "'pay now' cannot be a tool's name"),
        ({"name": ""}, "'' cannot be a tool's name"),
    ],
)
def test_an_option_that_cannot_work_is_refused(options: dict[str, Any], says: str) -> None:
    async def pay(amount: int) -> None: ...

    with pytest.raises(ToolDefinitionError, match=says):
        tool(**options)(pay)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("", "missing argument `harbour`"),
        ("not json", "not JSON that can be read"),
        ('{"harbour": "Ystad"', "not JSON that can be read"),
        ("[1]", "Expected `object`, got `array`"),
        ("null", "Expected `object`, got `null`"),
        ('{"harbour": 5}', "Expected `str`, got `int`, in argument `harbour`"),
        ('{"harbour": "Ystad", "before": "9"}', "there is no argument `before`"),
        ('{"harbour": "\\ud800"}', "not JSON that can be read"),
        ('{"harbour": ' + "[" * 50_000 + "]" * 50_000 + "}", "in argument `harbour`|not JSON|100000 can be read"),
        ('{"harbour": "' + "x" * 200_000 + '"}', "200015 characters long, and 100000 can be read"),
    ],
)
def test_arguments_that_do_not_fit_are_answered_with_what_would(arguments: str, says: str) -> None:
    with pytest.raises(ToolError, match=says) as refused:
        ferries.read(arguments)
    assert "Call ferries(harbour: str, after: str = '00:00') again" in str(refused.value)
    assert len(str(refused.value)) < 500


async def _transfer(amount: int, to: str = "me") -> None:
    """Transfer."""


def _asks(approval: Any) -> Callable[[str], str | None]:
    return tool(effects="write", approval=approval)(_transfer).approval_question


def test_a_person_is_asked_before_a_call_that_needs_approval() -> None:
    assert _asks("never")('{"amount": 5}') is None
    assert _asks("always")('{"amount": 5}') == "May I call _transfer(amount=5, to='me')?"


def test_a_function_decides_from_the_arguments_whether_to_ask() -> None:
    over_100 = _asks(lambda arguments: arguments["amount"] > 100)
    assert over_100('{"amount": 5}') is None
    assert over_100('{"amount": 500}') == "May I call _transfer(amount=500, to='me')?"


def test_a_deciding_function_that_raises_means_asking() -> None:
    assert _asks(lambda arguments: arguments["sum"] > 100)('{"amount": 5}')


def test_nobody_is_asked_about_arguments_that_do_not_fit() -> None:
    assert _asks("always")("{}") is None
