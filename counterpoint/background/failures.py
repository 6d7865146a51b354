"""Why work can end without an answer, and how the person is told: one plain sentence without a stack trace. Pure."""

import enum
from collections.abc import Sequence

_QUOTED_CHARACTERS = 120


class Failure(enum.Enum):
    """The value is the machine-readable reason that stands in the `Settled` entry."""

    ROUNDS = "limit: rounds"
    STEPS = "limit: steps"
    CALLS = "limit: tool calls"
    TOKENS = "limit: tokens"
    NOTES = "limit: notes"
    TIME = "limit: seconds"
    NO_ANSWER = "no answer"
    MODEL = "the background model failed"
    INTERNAL = "internal error"
    INTERRUPTED_WRITE = "a write was interrupted"


_BECAUSE = {
    Failure.ROUNDS: "it took more steps than I may take",
    Failure.STEPS: "it took more steps than I may take",
    Failure.CALLS: "it took more look-ups than I may make",
    Failure.TOKENS: "it took more thinking than I may do",
    Failure.NOTES: "it brought up more than I can pass on",
    Failure.TIME: "it took too long",
    Failure.NO_ANSWER: "I found no answer",
    Failure.MODEL: "something went wrong while I was thinking about it",
    Failure.INTERNAL: "something went wrong on my side",
}


def sentence(failure: Failure, request: str, *, done: Sequence[str] = (), unsure: Sequence[str] = ()) -> str:
    """What the person is told. `done`: tools whose effects stand; `unsure`: those that may or may not have acted."""
    what = f"“{_quoted(request)}”" if request.strip() else "this"
    if failure is Failure.INTERRUPTED_WRITE:
        return f"I was interrupted in the middle of {what}. {_unsure(unsure)}"
    told = [f"I could not finish {what}: {_BECAUSE[failure]}."]
    if done:
        told.append(f"This was done all the same: {_named(done)}.")
    if unsure:
        told.append(_unsure(unsure))
    return " ".join(told)


def _unsure(tools: Sequence[str]) -> str:
    return f"I cannot tell whether this was done: {_named(tools)}. Please check before it is tried again."


def _named(tools: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(tool.replace("_", " ") for tool in tools))


def _quoted(request: str) -> str:
    words = " ".join(request.split())
    return words if len(words) <= _QUOTED_CHARACTERS else f"{words[: _QUOTED_CHARACTERS - 1].rstrip()}…"
