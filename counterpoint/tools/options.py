"""How the runtime is to handle the calls of a tool, checked where the tool is defined, even if no type checker was."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, get_args

import msgspec

from counterpoint.config import NOTE_TTL_SECONDS
from counterpoint.errors import ToolDefinitionError
from counterpoint.shared_context.notes import Delivery

Effects = Literal["read", "write"]
Duplicates = Literal["allow", "reject", "replace", "join"]
Approval = Literal["never", "always"] | Callable[[Mapping[str, Any]], bool]

TIMEOUT_SECONDS = 30.0
"""A person in a conversation waits no longer than this for one step of the work."""

MAX_RESULT = 20_000
"""Characters of a result that are passed on: about 5,000 tokens."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """`timeout`: seconds for the whole call; progress does not extend it.

    `effects`: "write" for what changes something: it waits for the objection window first, and is not repeated after a
    crash unless it is `idempotent` (by default, what only reads is). `approval`: ask the person first: "never",
    "always", or a function of the arguments by name. `delivery`: how its results want to be woven. `duplicates`: what
    an identical call does while one runs: "allow" both, "reject" the new one, "replace" the old one, "join" the old one
    and get its results. `max_result`: characters; a longer result is cut and says so. `ttl`: seconds for which the
    notes made of its results stay worth saying.
    """

    timeout: float = TIMEOUT_SECONDS
    effects: Effects = "read"
    idempotent: bool | None = None
    approval: Approval = "never"
    delivery: Delivery = Delivery.WHEN_IDLE
    duplicates: Duplicates = "allow"
    max_result: int = MAX_RESULT
    ttl: float = NOTE_TTL_SECONDS

    @property
    def repeatable(self) -> bool:
        return self.effects == "read" if self.idempotent is None else self.idempotent


def checked(tool: str, given: Mapping[str, Any]) -> Options:
    for option in given:
        if option not in Options.__struct_fields__:
            raise ToolDefinitionError(f"Tool {tool!r}: there is no option {option!r}")
    options = Options(**given)
    for option in ("timeout", "max_result", "ttl"):
        _positive(tool, option, getattr(options, option))
    _one_of(tool, "effects", options.effects, get_args(Effects))
    _one_of(tool, "duplicates", options.duplicates, get_args(Duplicates))
    _one_of(tool, "delivery", options.delivery, [*Delivery, *(each.value for each in Delivery)])
    _one_of(tool, "idempotent", options.idempotent, [None, True, False])
    if not callable(options.approval):
        _one_of(tool, "approval", options.approval, ["never", "always"])
    return msgspec.structs.replace(options, delivery=Delivery(options.delivery), max_result=int(options.max_result))


def _positive(tool: str, option: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise ToolDefinitionError(f"Tool {tool!r}: {option} is a number above zero, not {value!r}")


def _one_of(tool: str, option: str, value: Any, choices: Collection[Any]) -> None:
    if value not in choices:
        written = ", ".join(repr(choice) for choice in choices if not isinstance(choice, Delivery))
        raise ToolDefinitionError(f"Tool {tool!r}: {option} is one of {written}, not {value!r}")
