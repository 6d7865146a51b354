"""Tool calls put together from their parts. Pure.

Most servers number the calls and send an id and a name first, then the arguments in pieces; some send whole calls
without numbers, or all of them with the number 0.
"""

import msgspec

from counterpoint.engines.http.deltas import CallPart

LONGEST_ARGUMENTS = 100_000
"""Characters; what is longer is cut, and then fits no tool."""


class WholeCall(msgspec.Struct, frozen=True):
    """`arguments`: JSON as the model wrote it, which may be anything."""

    id: str
    name: str
    arguments: str


class CallAssembly:
    def __init__(self) -> None:
        self._calls: list[tuple[int | None, WholeCall]] = []

    def add(self, part: CallPart) -> None:
        at = self._place(part)
        if at is None:
            self._calls.append((part.index, WholeCall(part.id, part.name, part.arguments)))
            return
        index, call = self._calls[at]
        grown = (call.arguments + part.arguments)[:LONGEST_ARGUMENTS]
        name = call.name if part.name in ("", call.name) else call.name + part.name
        self._calls[at] = index, WholeCall(call.id or part.id, name, grown)

    def calls(self) -> list[WholeCall]:
        """In the order in which they were begun; nameless ones included, for the model to be told."""
        return [call for _, call in self._calls]

    def _place(self, part: CallPart) -> int | None:
        """Which call it is a part of; None if it begins another."""
        numbers = range(len(self._calls) - 1, -1, -1)
        same = next((at for at in numbers if self._calls[at][0] == part.index), None)
        if same is None:
            return None
        begun = self._calls[same][1]
        another = bool(part.id and begun.id and part.id != begun.id)
        whole = part.index is None and bool(part.name) and bool(begun.name)
        return None if another or whole else same
